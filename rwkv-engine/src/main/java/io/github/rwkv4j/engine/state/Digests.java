package io.github.rwkv4j.engine.state;

import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.zip.CRC32C;

/** SHA-256 and CRC-32C, which every JDK has. */
public final class Digests {
    private Digests() {}

    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** CRC-32C of the first {@code length} bytes. */
    static int crc32c(byte[] bytes, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, 0, length);
        return (int) checksum.getValue();
    }

    /** Writes the digest to the beginning of {@code out}. */
    static void finish(MessageDigest digest, byte[] out, int length) {
        try {
            digest.digest(out, 0, length);
        } catch (DigestException e) {
            throw new IllegalStateException(e);
        }
    }
}
