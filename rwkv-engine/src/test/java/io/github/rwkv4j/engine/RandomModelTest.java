package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.RandomModel;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomModelTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource
    void opensAsItsGenerationAndItsActivationsStayInANaturalRange(RandomModel.Generation generation) {
        Path file = new RandomModel(generation, 3, 64, 32, 128, 256, 16, 16, 8, 24)
                .write(folder.resolve("model.safetensors"), 1);
        try (Rwkv model = Rwkv.open(file);
                Session session = model.newSession()) {
            assertThat(model.info().generation())
                    .isEqualTo("RWKV-" + generation.name().substring(1).replace('_', '.'));
            double squares = 0;
            for (float logit : session.logits(1, 2, 3, 4)) {
                squares += (double) logit * logit;
            }
            assertThat(Math.sqrt(squares / 256)).isBetween(0.1, 10.0);
        }
    }
}
