package io.github.rwkv4j.engine.tokenizer;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/** Vocabularies that tests share. */
final class TestVocabularies {
    private TestVocabularies() {}

    /** The real World vocabulary, which is not part of the repository; skips the test without it. */
    static Path world() {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            Path file = folder.resolve("shared/data/rwkv_vocab_v20230424.txt");
            if (Files.exists(file)) {
                return file;
            }
        }
        assumeTrue(false, "needs the World vocabulary at ../shared/data/rwkv_vocab_v20230424.txt");
        throw new AssertionError();
    }

    /** The demo model's vocabulary. */
    static Path demo() {
        try {
            return Path.of(Objects.requireNonNull(TestVocabularies.class.getResource("/tokenizer/demo.vocab.txt"))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
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
