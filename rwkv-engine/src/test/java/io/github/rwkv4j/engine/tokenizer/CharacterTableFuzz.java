package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Fuzzes {@link CharacterTokenizer}. */
final class CharacterTableFuzz {
    private static final Path FILE = Path.of("fuzzed");

    private CharacterTableFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        try {
            CharacterTokenizer tokenizer = CharacterTokenizer.parse(data, FILE);
            for (int id : tokenizer.encode(new String(data, StandardCharsets.UTF_8))) {
                if (tokenizer.bytes(id).length == 0) {
                    throw new AssertionError("id " + id + " has no character");
                }
            }
            return true;
        } catch (VocabularyException e) {
            return false;
        }
    }
}
