package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens a model for what needs no text, and so no vocabulary either. */
final class ModelWithoutText {
    private static final Logger LOG = LoggerFactory.getLogger(ModelWithoutText.class);

    private ModelWithoutText() {}

    static Rwkv open(Path file, RwkvOptions.Builder options) throws IOException {
        try {
            return Rwkv.open(file, options.build());
        } catch (VocabularyException e) {
            LOG.warn("{}; going on without", e.getMessage());
            Path none = Files.createTempFile("vocabulary", ".json");
            try {
                // A table of one character fits every model.
                Files.writeString(none, "{\"0\": \" \"}");
                return Rwkv.open(file, options.vocabulary(none).build());
            } finally {
                Files.delete(none);
            }
        }
    }
}
