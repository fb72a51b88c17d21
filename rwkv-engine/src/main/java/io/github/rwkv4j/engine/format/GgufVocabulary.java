package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/**
 * The World vocabulary as GGUF files hold it: each token in the escaped form of a Python bytes literal without its quotes
 * (spec: formats, section c).
 */
final class GgufVocabulary {
    /** Sixteen times the World vocabulary. */
    static final int MAX_TOKENS = 1 << 20;

    private static final byte[] NONE = {};

    /** Token types of llama.cpp: 1 normal, 4 user-defined, 6 byte; the others (unknown, control, unused) have no text. */
    private static final List<Integer> WITH_TEXT = List.of(1, 4, 6);

    private static final int NORMAL = 1;

    private GgufVocabulary() {}

    /**
     * The bytes of each token by id; none for id 0, which ends a text, and for unused ids.
     *
     * @param types a type for each token, or none at all
     */
    static byte[][] unescape(List<FileBytes> tokens, List<Integer> types) {
        if (!types.isEmpty() && types.size() != tokens.size()) {
            throw damaged(
                    "GGUF vocabulary has %d tokens but types for %d of them".formatted(tokens.size(), types.size()));
        }
        byte[][] vocabulary = new byte[tokens.size()][];
        for (int id = 0; id < vocabulary.length; id++) {
            int type = types.isEmpty() ? NORMAL : types.get(id);
            byte[] escaped = tokens.get(id).segment().toArray(ValueLayout.JAVA_BYTE);
            vocabulary[id] = id > 0 && WITH_TEXT.contains(type) ? unescape(escaped, id) : NONE;
        }
        return vocabulary;
    }

    private static byte[] unescape(byte[] escaped, int id) {
        byte[] token = new byte[escaped.length];
        int length = 0;
        for (int at = 0; at < escaped.length; ) {
            byte b = escaped[at++];
            if (b == '\\') {
                if (at == escaped.length) {
                    throw damaged("GGUF token %d ends in a backslash".formatted(id));
                }
                b = escaped[at++];
                switch (b) {
                    case 't' -> b = '\t';
                    case 'n' -> b = '\n';
                    case 'r' -> b = '\r';
                    case 'x' -> {
                        b = (byte) (digit(escaped, at, id) << 4 | digit(escaped, at + 1, id));
                        at += 2;
                    }
                    default -> {}
                }
            }
            token[length++] = b;
        }
        return Arrays.copyOf(token, length);
    }

    private static int digit(byte[] escaped, int at, int id) {
        int digit = at < escaped.length ? Character.digit(escaped[at], 16) : -1;
        if (digit < 0) {
            throw damaged("GGUF token %d has \\x without two hexadecimal digits".formatted(id));
        }
        return digit;
    }
}
