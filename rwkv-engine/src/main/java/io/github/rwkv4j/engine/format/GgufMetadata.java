package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The key-value pairs of a GGUF file: single values as text, and the vocabulary. Other arrays are checked and passed over.
 *
 * @param values single values by key, in file order
 * @param vocabulary the bytes of each token by id; empty where the file has none for a World tokenizer
 */
record GgufMetadata(Map<String, String> values, Optional<byte[][]> vocabulary) {
    private static final int MAX_ENTRIES = 65_536;
    private static final int MAX_KEY = 65_535;
    private static final int MAX_STRING = 16 << 20;
    private static final int MAX_TOKEN = 4096;
    private static final int MAX_DEPTH = 4;

    private static final String MODEL = "tokenizer.ggml.model";
    private static final String TOKENS = "tokenizer.ggml.tokens";
    private static final String TOKEN_TYPES = "tokenizer.ggml.token_type";

    private static final int STRING = 8;
    private static final int ARRAY = 9;

    /** Smallest size in bytes of a value by its type. */
    private static final int[] SIZES = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

    /** Reads what follows the header's two counts. */
    static GgufMetadata read(ByteCursor cursor) {
        long count = cursor.int64();
        if (count < 0 || count > MAX_ENTRIES) {
            throw damaged("GGUF file tells of %d metadata entries; expected at most %d".formatted(count, MAX_ENTRIES));
        }
        Map<String, String> values = new LinkedHashMap<>();
        List<FileBytes> tokens = new ArrayList<>();
        List<Integer> tokenTypes = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            String key = cursor.utf8(cursor.length(MAX_KEY, "metadata key"), "metadata key");
            int type = type(cursor);
            if (type != ARRAY) {
                if (values.put(key, value(cursor, type)) != null) {
                    throw damaged("GGUF file has the metadata key %s twice".formatted(quoted(key)));
                }
            } else if (key.equals(TOKENS)) {
                readTokens(cursor, tokens);
            } else if (key.equals(TOKEN_TYPES)) {
                readTokenTypes(cursor, tokenTypes);
            } else {
                skipArray(cursor, 1);
            }
        }
        Optional<byte[][]> vocabulary = tokens.isEmpty() || !"rwkv".equals(values.get(MODEL))
                ? Optional.empty()
                : Optional.of(GgufVocabulary.unescape(tokens, tokenTypes));
        return new GgufMetadata(values, vocabulary);
    }

    /** A whole number, or {@code fallback} where the key is missing. */
    long number(String key, long fallback) {
        String value = values.get(key);
        if (value == null) {
            return fallback;
        }
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw damaged("GGUF metadata %s is %s; expected a whole number".formatted(quoted(key), quoted(value)));
        }
    }

    private static int type(ByteCursor cursor) {
        int type = cursor.int32();
        if (type < 0 || type >= SIZES.length) {
            throw damaged("GGUF metadata before byte %d has the type %d; expected 0 to %d"
                    .formatted(cursor.position(), type, SIZES.length - 1));
        }
        return type;
    }

    private static String value(ByteCursor cursor, int type) {
        return switch (type) {
            case 0, 7 -> Integer.toString(cursor.unsignedByte());
            case 1 -> Byte.toString((byte) cursor.unsignedByte());
            case 2 -> Integer.toString(cursor.unsignedShort());
            case 3 -> Short.toString((short) cursor.unsignedShort());
            case 4 -> Long.toString(cursor.unsignedInt());
            case 5 -> Integer.toString(cursor.int32());
            case 6 -> Float.toString(Float.intBitsToFloat(cursor.int32()));
            case STRING -> cursor.utf8(cursor.length(MAX_STRING, "metadata text"), "metadata text");
            case 10 -> Long.toUnsignedString(cursor.int64());
            case 11 -> Long.toString(cursor.int64());
            case 12 -> Double.toString(Double.longBitsToDouble(cursor.int64()));
            default -> throw new IllegalArgumentException("Type " + type + " has no single value");
        };
    }

    /** The number of elements of an array, of which the file must have at least the smallest bytes. */
    private static int count(ByteCursor cursor, int type) {
        long count = cursor.int64();
        long most = Math.min(Integer.MAX_VALUE, cursor.remaining() / SIZES[type]);
        if (count < 0 || count > most) {
            throw damaged(
                    "GGUF array before byte %d has %d elements of type %d; expected at most %d in the rest of the file"
                            .formatted(cursor.position(), count, type, most));
        }
        return (int) count;
    }

    private static void readTokens(ByteCursor cursor, List<FileBytes> tokens) {
        int type = type(cursor);
        int count = count(cursor, type);
        if (type != STRING || count > GgufVocabulary.MAX_TOKENS || !tokens.isEmpty()) {
            throw damaged("GGUF vocabulary is an array of %d elements of type %d; expected once up to %d of type %d"
                    .formatted(count, type, GgufVocabulary.MAX_TOKENS, STRING));
        }
        for (int i = 0; i < count; i++) {
            tokens.add(cursor.bytes(cursor.length(MAX_TOKEN, "token"), "token"));
        }
    }

    private static void readTokenTypes(ByteCursor cursor, List<Integer> types) {
        int type = type(cursor);
        int count = count(cursor, type);
        if (type != 4 && type != 5 || count > GgufVocabulary.MAX_TOKENS || !types.isEmpty()) {
            throw damaged(
                    "GGUF list of token types is an array of %d elements of type %d; expected once up to %d of type 5"
                            .formatted(count, type, GgufVocabulary.MAX_TOKENS));
        }
        FileBytes bytes = cursor.bytes(4L * count, "token types");
        for (int i = 0; i < count; i++) {
            types.add(bytes.int32(4L * i));
        }
    }

    private static void skipArray(ByteCursor cursor, int depth) {
        if (depth > MAX_DEPTH) {
            throw damaged("GGUF array before byte %d is nested; expected at most %d levels"
                    .formatted(cursor.position(), MAX_DEPTH));
        }
        int type = type(cursor);
        int count = count(cursor, type);
        switch (type) {
            case STRING -> {
                for (int i = 0; i < count; i++) {
                    cursor.bytes(cursor.length(MAX_STRING, "metadata text"), "metadata text");
                }
            }
            case ARRAY -> {
                for (int i = 0; i < count; i++) {
                    skipArray(cursor, depth + 1);
                }
            }
            default -> cursor.bytes((long) SIZES[type] * count, "metadata array");
        }
    }
}
