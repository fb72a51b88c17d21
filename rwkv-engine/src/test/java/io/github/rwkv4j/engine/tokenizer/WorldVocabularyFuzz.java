package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Fuzzes {@link WorldVocabularyReader}. */
final class WorldVocabularyFuzz {
    private static final Path FILE = Path.of("fuzzed");

    private WorldVocabularyFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        try {
            roundTrip(new WorldVocabularyReader(FILE).read(data), data);
            return true;
        } catch (VocabularyException e) {
            return false;
        }
    }

    /** Text encodes to ids of the vocabulary, and back to itself. */
    private static void roundTrip(Tokenizer tokenizer, byte[] data) {
        String text = new String(data, StandardCharsets.UTF_8);
        int[] ids = tokenizer.encode(text);
        for (int id : ids) {
            if (id < 0 || id >= tokenizer.size()) {
                throw new AssertionError("id " + id + " is outside the vocabulary");
            }
        }
        if (!tokenizer.decode(ids).equals(text)) {
            throw new AssertionError("the text changed");
        }
    }
}
