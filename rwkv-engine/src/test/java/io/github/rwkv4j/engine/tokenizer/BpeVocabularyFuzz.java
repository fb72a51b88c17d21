package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.file.Path;

/** Fuzzes {@link BpeVocabulary}. */
final class BpeVocabularyFuzz {
    private static final Path FILE = Path.of("fuzzed");

    private BpeVocabularyFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        try {
            BpeVocabulary vocabulary = BpeVocabulary.parse(data, FILE);
            int end = vocabulary.endOfText().orElse(0);
            if (end >= vocabulary.tokens().length || vocabulary.json().isEmpty()) {
                throw new AssertionError("the end of text is outside the vocabulary");
            }
            return true;
        } catch (VocabularyException e) {
            return false;
        }
    }
}
