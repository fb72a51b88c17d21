package io.github.rwkv4j.engine.state;

import java.util.Optional;
import javax.crypto.SecretKey;

/**
 * How snapshots are stored.
 *
 * @param encoding how a state's numbers are written
 * @param key an AES key that seals them; none stores them in the clear
 */
public record SnapshotOptions(SnapshotCodec.Encoding encoding, Optional<SecretKey> key) {
    /** Exact and in the clear. */
    public static final SnapshotOptions DEFAULT = new SnapshotOptions(SnapshotCodec.Encoding.FP32, Optional.empty());

    /** Without the key. */
    @Override
    public String toString() {
        return "SnapshotOptions[encoding=%s, encrypted=%s]".formatted(encoding, key.isPresent());
    }
}
