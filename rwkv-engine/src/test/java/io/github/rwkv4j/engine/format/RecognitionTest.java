package io.github.rwkv4j.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first bytes tell a format, whatever they say. */
class RecognitionTest {
    /** Every low byte of the length occurs, that of a pickle among them. */
    @Test
    void aSafetensorsHeaderMayHaveAnyLength(@TempDir Path directory) {
        for (int length = 1; length <= 256; length++) {
            Tensor tensor = new Tensor(
                    "x".repeat(length), DType.F32, new long[] {1}, MemorySegment.ofArray(new float[] {length}));
            Path file = Safetensors.write(directory.resolve("model.safetensors"), List.of(tensor));
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                assertThat(checkpoint.tensors()).containsOnlyKeys(tensor.name());
                assertThat(checkpoint.tensors().values())
                        .allSatisfy(read -> assertThat(read.get(0)).isEqualTo(tensor.get(0)));
            }
        }
    }
}
