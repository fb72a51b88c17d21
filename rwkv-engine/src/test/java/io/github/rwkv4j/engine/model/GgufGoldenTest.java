package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.compute.cpu.KernelChoice;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** RWKV-7 from an 8-bit GGUF file against what the original package computes on its dequantised tensors. */
class GgufGoldenTest {
    private static final Path FILE = TestData.resource("golden/v7-gguf/model-q8_0.gguf");

    @TempDir
    Path folder;

    /** The file's 8-bit blocks decoded to float32: no other difference is left. */
    @ParameterizedTest(name = "v7, GGUF Q8_0 decoded, {0}")
    @MethodSource("kernels")
    void decodedEightBitLogitsAreTheOriginals(KernelChoice kernels) {
        try (Checkpoint gguf = Checkpoint.open(FILE)) {
            List<Tensor> decoded = gguf.tensors().values().stream()
                    .map(GgufGoldenTest::decoded)
                    .toList();
            Error error = error(Safetensors.write(folder.resolve("decoded.safetensors"), decoded), kernels);
            assertThat(error.worst).isLessThan(1e-5);
        }
    }

    /** In 8 bits the activations are rounded too: the stated limit is 0.06 standard deviations. */
    @ParameterizedTest(name = "v7, GGUF Q8_0, {0}")
    @MethodSource("kernels")
    void eightBitLogitsStayNearTheOriginals(KernelChoice kernels) {
        assertThat(error(FILE, kernels).rootMeanSquare).isBetween(1e-4, 0.06);
    }

    static Stream<KernelChoice> kernels() {
        return KernelChoice.available();
    }

    /** In standard deviations of the expected logits. */
    private record Error(double worst, double rootMeanSquare) {}

    private static Error error(Path file, KernelChoice kernels) {
        JsonNode expected = Expected.read(TestData.resource("golden/v7-gguf/expected-q8_0.json"));
        int[] tokens = Expected.numbers(expected.get("tokens"));
        int[] positions = Expected.numbers(expected.get("positions"));
        float[][] rows = JsonMapper.shared().treeToValue(expected.get("logits"), float[][].class);
        double sum = 0;
        double squares = 0;
        double worst = 0;
        double errors = 0;
        int count = 0;
        try (Feeding model = new Feeding(file, Feeding.OPTIONS, kernels.device(2))) {
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
