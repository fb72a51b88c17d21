package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens a model for what needs no text: without a vocabulary, tokens are taken for single bytes. */
final class ModelWithoutText {
    private static final Logger LOG = LoggerFactory.getLogger(ModelWithoutText.class);

    private ModelWithoutText() {}

    static Rwkv open(Path file, RwkvOptions.Builder options) throws IOException {
        try {
            return Rwkv.open(file, options.build());
        } catch (VocabularyException e) {
            LOG.warn("{}; going on with a vocabulary of single bytes", e.getMessage());
            Path bytes = Files.createTempFile("bytes", ".txt");
            try {
                Files.writeString(
                        bytes,
                        IntStream.range(0, 256)
                                .mapToObj(b -> "%d b'\\x%02x' 1\n".formatted(b + 1, b))
                                .collect(Collectors.joining()));
                return Rwkv.open(file, options.vocabulary(bytes).build());
            } finally {
                Files.delete(bytes);
            }
        }
    }
}
