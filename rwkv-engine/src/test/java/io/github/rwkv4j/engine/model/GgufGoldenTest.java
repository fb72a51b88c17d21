package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** RWKV-7 from GGUF files against what the original package computes on their dequantised tensors. */
class GgufGoldenTest {
    @TempDir
    Path folder;

    @Test
    void float16LogitsAreTheOriginals() {
        Error error = error(TestData.resource("golden/v7-gguf/model-f16.gguf"), "f16");
        assertThat(error.worst).isLessThan(1e-5);
    }

    /** The file's 8-bit blocks decoded to float32: no other difference is left. */
    @Test
    void decodedEightBitLogitsAreTheOriginals() {
        try (Checkpoint gguf = Checkpoint.open(TestData.resource("golden/v7-gguf/model-q8_0.gguf"))) {
            List<Tensor> decoded = gguf.tensors().values().stream()
                    .map(GgufGoldenTest::decoded)
                    .toList();
            Error error = error(Safetensors.write(folder.resolve("decoded.safetensors"), decoded), "q8_0");
            assertThat(error.worst).isLessThan(1e-5);
        }
    }

    /** In 8 bits the activations are rounded too: the stated limit is 0.06 standard deviations. */
    @Test
    void eightBitLogitsStayNearTheOriginals() {
        Error error = error(TestData.resource("golden/v7-gguf/model-q8_0.gguf"), "q8_0");
        assertThat(error.rootMeanSquare).isBetween(1e-4, 0.06);
    }

    /** In standard deviations of the expected logits. */
    private record Error(double worst, double rootMeanSquare) {}

    private static Error error(Path file, String type) {
        JsonNode expected = JsonMapper.shared()
                .readTree(TestData.resource("golden/v7-gguf/expected-" + type + ".json")
                        .toFile());
        int[] tokens = JsonMapper.shared().treeToValue(expected.get("tokens"), int[].class);
        int[] positions = JsonMapper.shared().treeToValue(expected.get("positions"), int[].class);
        float[][] rows = JsonMapper.shared().treeToValue(expected.get("logits"), float[][].class);
        double sum = 0;
        double squares = 0;
        double worst = 0;
        double errors = 0;
        int count = 0;
        try (Feeding model = new Feeding(file, Quantization.NONE)) {
            float[][] logits = model.logits(tokens, 5, 1);
            for (int i = 0; i < positions.length; i++) {
                assertThat(logits[positions[i]]).hasSameSizeAs(rows[i]);
                for (int id = 0; id < rows[i].length; id++, count++) {
                    double difference = logits[positions[i]][id] - rows[i][id];
                    sum += rows[i][id];
                    squares += rows[i][id] * rows[i][id];
                    worst = Math.max(worst, Math.abs(difference));
                    errors += difference * difference;
                }
            }
        }
        assertThat(count).isEqualTo(5 * 256);
        double mean = sum / count;
        double deviation = Math.sqrt(squares / count - mean * mean);
        return new Error(worst / deviation, Math.sqrt(errors / count) / deviation);
    }

    private static Tensor decoded(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        tensor.read(0, values.length, values);
        MemorySegment data = MemorySegment.ofArray(new byte[4 * values.length]);
        MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values.length);
        return new Tensor(tensor.name(), DType.F32, tensor.shape(), data);
    }
}
