package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.compute.cpu.KernelChoice;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.Quantization;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Small trained models of rwkv.cpp's tests against its own logits, and against the original package's text. */
class TrainedModelTest {
    /** The prompt of the upstream tests. */
    private static final int[] PROMPT = {'"', 'i', 'n'};

    private static final String RWKV_CPP = "rwkv.cpp ";

    /** A model, by generation, format and kernels, and how near its logits come to upstream's. */
    record Trained(String name, String generation, String format, double tolerance, KernelChoice kernels) {
        Path file() {
            String ending =
                    format.startsWith(RWKV_CPP) ? "-" + format.substring(RWKV_CPP.length()) + ".bin" : "." + format;
            return TestData.shared("golden/rwkv.cpp-tiny/tiny-rwkv-" + name + ending);
        }

        /** rwkv.cpp trained its models of RWKV-5 with an epsilon of its own. */
        boolean hasItsOwnEpsilon() {
            return generation.startsWith("v5");
        }

        Feeding open(boolean withItsOwnEpsilon) {
            float epsilon = withItsOwnEpsilon ? 1e-5f : ModelOptions.HEAD_NORM_EPSILON;
            return new Feeding(
                    file(),
                    new ModelOptions(Quantization.NONE, 64, 64, Optional.empty(), 0, epsilon),
                    kernels.device(2));
        }

        JsonNode run(String which) {
            return Expected.read(TestData.shared("golden/rwkv.cpp-tiny/tiny-rwkv-" + name + ".json"))
                    .get("runs")
                    .get(which);
        }

        float[] upstreamLogits() throws IOException {
            String upstream = name.replaceFirst("-from.*", "");
            byte[] bytes =
                    Files.readAllBytes(TestData.shared("golden/rwkv.cpp-tiny/expected-logits-" + upstream + ".bin"));
            float[] logits = new float[bytes.length / Float.BYTES];
            ByteBuffer.wrap(bytes)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(logits);
            return logits;
        }

        @Override
        public String toString() {
            return "%s trained, %s, %s".formatted(generation, format, kernels);
        }
    }

    static Stream<Trained> models() {
        return KernelChoice.available()
                .flatMap(kernels -> Stream.of(
                        new Trained("4v0-660K", "v4", "safetensors", 2e-5, kernels),
                        new Trained("5v1-730K", "v5.0", "safetensors", 2e-5, kernels),
                        new Trained("5v2-730K", "v5.2", "safetensors", 2e-5, kernels),
                        // Stored after a way through five bits, so that it isn't quite the model that upstream ran.
                        new Trained("6v0-3m-from-Q5_1-F16", "v6", "safetensors", 0.08, kernels),
                        new Trained("7v0-834K", "v7", "safetensors", 1e-5, kernels)));
    }

    static Stream<Trained> binaries() {
        return KernelChoice.available()
                .flatMap(kernels -> Stream.of(
                        new Trained("4v0-660K", "v4", "rwkv.cpp FP16", 5e-3, kernels),
                        new Trained("5v1-730K", "v5.0", "rwkv.cpp FP16", 5e-3, kernels),
                        new Trained("5v2-730K", "v5.2", "rwkv.cpp FP16", 5e-3, kernels),
                        // Five bits a weight, and eight for what they are multiplied with.
                        new Trained("5v2-730K", "v5.2", "rwkv.cpp Q5_0", 0.6, kernels),
                        new Trained("5v2-730K", "v5.2", "rwkv.cpp Q5_1", 0.6, kernels),
                        new Trained("6v0-3m", "v6", "rwkv.cpp Q5_1", 0.1, kernels),
                        new Trained("7v0-834K", "v7", "rwkv.cpp FP16", 1e-5, kernels)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void givesUpstreamsLogits(Trained trained) throws IOException {
        assertUpstreamsLogits(trained);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("binaries")
    void givesUpstreamsLogitsFromItsOwnFormat(Trained trained) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(trained.file())) {
            assertThat(checkpoint.metadata()).containsEntry(Checkpoint.HEAD_NORM_EPSILON, "1e-5");
        }
        assertUpstreamsLogits(trained);
    }

    private static void assertUpstreamsLogits(Trained trained) throws IOException {
        float[] expected = trained.upstreamLogits();
        try (Feeding model = trained.open(trained.hasItsOwnEpsilon())) {
            for (int[] chunks : new int[][] {{1}, {3}}) {
                float[] logits = model.logits(PROMPT, chunks)[2];
                assertThat(logits).hasSameSizeAs(expected);
                for (int id = 0; id < logits.length; id++) {
                    assertThat((double) logits[id]).isCloseTo(expected[id], within(trained.tolerance()));
                }
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("models")
    void givesTheOriginalPackagesLogitsAndText(Trained trained) {
        assertRun(trained, false, trained.run("official"));
        if (trained.hasItsOwnEpsilon()) {
            assertRun(trained, true, trained.run("ln_x_eps_1e-5"));
        }
    }

    private static void assertRun(Trained trained, boolean withItsOwnEpsilon, JsonNode run) {
        float[] expected = Expected.floats(run.get("logits_after_prompt"));
        int[] text = Expected.numbers(run.get("greedy_tokens_64"));
        try (Feeding model = trained.open(withItsOwnEpsilon)) {
            float[] logits = model.logits(PROMPT, 2)[2];
            for (int id = 0; id < logits.length; id++) {
                assertThat(logits[id]).isCloseTo(expected[id], within(5e-5f));
            }
            assertThat(model.greedy(PROMPT, text.length)).isEqualTo(text);
        }
    }
}
