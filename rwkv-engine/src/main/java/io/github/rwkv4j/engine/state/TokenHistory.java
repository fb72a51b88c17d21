package io.github.rwkv4j.engine.state;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Hash of a past, token by token: h(0) = SHA-256(model's fingerprint, start), h(n) = SHA-256(h(n-1), token as 4 bytes, little
 * end first). Two pasts with the same hash have the same tokens in the same order, on the same model, from the same start.
 * Not thread-safe; allocates nothing per token.
 */
public final class TokenHistory {
    private static final int HASH = 32;

    private final MessageDigest digest = Digests.sha256();
    private final byte[] link = new byte[HASH + Integer.BYTES];

    private TokenHistory() {}

    /**
     * An empty past.
     *
     * @param model the model's fingerprint
     * @param start what tells a trained initial state from others; empty for none
     */
    public static TokenHistory start(String model, String start) {
        TokenHistory history = new TokenHistory();
        byte[] first = history.digest.digest((model + start).getBytes(StandardCharsets.UTF_8));
        System.arraycopy(first, 0, history.link, 0, HASH);
        return history;
    }

    /** A past that goes on from a hash. */
    public static TokenHistory from(String hash) {
        TokenHistory history = new TokenHistory();
        System.arraycopy(HexFormat.of().parseHex(hash), 0, history.link, 0, HASH);
        return history;
    }

    public void append(int token) {
        link[HASH] = (byte) token;
        link[HASH + 1] = (byte) (token >> 8);
        link[HASH + 2] = (byte) (token >> 16);
        link[HASH + 3] = (byte) (token >> 24);
        digest.update(link);
        Digests.finish(digest, link, HASH);
    }

    public void append(int[] tokens, int from, int count) {
        for (int i = from; i < from + count; i++) {
            append(tokens[i]);
        }
    }

    /** The hashes after the first {@code ends[i]} of {@code tokens}; ends ascend. */
    public List<String> hashesAt(int[] tokens, int... ends) {
        TokenHistory history = from(hash());
        List<String> hashes = new ArrayList<>(ends.length);
        int at = 0;
        for (int end : ends) {
            history.append(tokens, at, end - at);
            at = end;
            hashes.add(history.hash());
        }
        return hashes;
    }

    /** 64 hexadecimal digits. */
    public String hash() {
        return HexFormat.of().formatHex(link, 0, HASH);
    }
}
