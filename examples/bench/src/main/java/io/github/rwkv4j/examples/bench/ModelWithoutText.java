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

/** Opens a model for what needs no text, and so no vocabulary either. */
final class ModelWithoutText {
    private static final Logger LOG = LoggerFactory.getLogger(ModelWithoutText.class);

    /** The first character that has no meaning in JSON. */
    private static final char FIRST = 0x100;

    private ModelWithoutText() {}

    static Rwkv open(Path file, RwkvOptions.Builder options) throws IOException {
        try {
            return Rwkv.open(file, options.build());
        } catch (VocabularyException e) {
            LOG.warn("{}; going on without", e.getMessage());
            Path none = Files.createTempFile("vocabulary", ".json");
            try {
                Files.writeString(none, characters(Description.of(file).vocabularySize()));
                return Rwkv.open(file, options.vocabulary(none).build());
            } finally {
                Files.delete(none);
            }
        }
    }

    /** A table with some character for each id, as far as characters go without a gap. */
    private static String characters(int size) {
        return IntStream.range(0, Math.min(size, Character.MIN_SURROGATE - FIRST))
                .mapToObj(id -> "\"%d\":\"%c\"".formatted(id, FIRST + id))
                .collect(Collectors.joining(",", "{", "}"));
    }
}
