package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.testing.TestData;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** Vocabularies that tests share. */
final class TestVocabularies {
    private TestVocabularies() {}

    /** The real World vocabulary, which is not part of the repository; skips the test without it. */
    static Path world() {
        return TestData.shared("data/rwkv_vocab_v20230424.txt");
    }

    /** The demo model's vocabulary. */
    static Path demo() {
        return TestData.resource("tokenizer/demo.vocab.txt");
    }

    /** Single bytes at id = byte + 1, as in every World vocabulary, and more tokens at their ids. */
    static byte[][] withSingleBytes(Map<Integer, String> more) {
        int size = more.keySet().stream().mapToInt(id -> id + 1).max().orElse(0);
        byte[][] tokens = new byte[Math.max(257, size)][0];
        for (int b = 0; b < 256; b++) {
            tokens[b + 1] = new byte[] {(byte) b};
        }
        more.forEach((id, text) -> tokens[id] = text.getBytes(StandardCharsets.UTF_8));
        return tokens;
    }
}
