package io.github.rwkv4j.engine.state;

import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256, which every JDK has. */
public final class Digests {
    private Digests() {}

    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
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
