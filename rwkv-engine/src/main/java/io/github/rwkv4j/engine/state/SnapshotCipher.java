package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.SnapshotException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

/**
 * Seals data with AES-GCM: a random nonce of 96 bits, the ciphertext, a tag of 128 bits. The tenant and the id are
 * authenticated with it, so that data moved to another tenant or id does not open.
 */
final class SnapshotCipher {
    private static final byte[] MAGIC = "RWKVSEAL".getBytes(StandardCharsets.US_ASCII);
    private static final int NONCE = 12;
    private static final int TAG_BITS = 128;

    private final SecretKey key;
    private final SecureRandom random = new SecureRandom();

    SnapshotCipher(SecretKey key) {
        this.key = key;
    }

    static boolean isSealed(byte[] data) {
        return data.length >= MAGIC.length && Arrays.equals(data, 0, MAGIC.length, MAGIC, 0, MAGIC.length);
    }

    byte[] seal(String tenant, String id, byte[] data) {
        byte[] nonce = new byte[NONCE];
        random.nextBytes(nonce);
        try {
            Cipher cipher = cipher(Cipher.ENCRYPT_MODE, nonce, tenant, id);
            ByteBuffer out = ByteBuffer.allocate(MAGIC.length + NONCE + cipher.getOutputSize(data.length));
            out.put(MAGIC).put(nonce);
            cipher.doFinal(ByteBuffer.wrap(data), out);
            return out.array();
        } catch (GeneralSecurityException e) {
            throw new SnapshotException("A snapshot can't be encrypted: " + e.getMessage(), e);
        }
    }

    /** @throws SnapshotException if the key, the tenant or the id is another, or the data was changed */
    byte[] open(String tenant, String id, byte[] sealed) {
        if (!isSealed(sealed) || sealed.length < MAGIC.length + NONCE + TAG_BITS / 8) {
            throw new SnapshotException("The snapshot %s is not encrypted, but the store has a key".formatted(id));
        }
        byte[] nonce = Arrays.copyOfRange(sealed, MAGIC.length, MAGIC.length + NONCE);
        try {
            int from = MAGIC.length + NONCE;
            return cipher(Cipher.DECRYPT_MODE, nonce, tenant, id).doFinal(sealed, from, sealed.length - from);
        } catch (GeneralSecurityException e) {
            throw new SnapshotException(
                    "The snapshot %s does not open: it was sealed with another key or for another tenant, or was changed"
                            .formatted(id),
                    e);
        }
    }

    private Cipher cipher(int mode, byte[] nonce, String tenant, String id) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, key, new GCMParameterSpec(TAG_BITS, nonce));
        // The id has no zero byte, so that no two pairs are one.
        cipher.updateAAD((id + "\0" + tenant).getBytes(StandardCharsets.UTF_8));
        return cipher;
    }
}
