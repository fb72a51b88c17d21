package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.compute.cpu.KernelChoice;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.Quantization;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every generation on random weights, on every implementation of the kernels, against what the originals compute. */
class GoldenTest {
    /** The aim for float32 arithmetic, in standard deviations of the logits; the limit is 1e-3. */
    private static final double AIM = 1e-5;

    /** One cell of the table of what runs: generation, format and kernels. */
    record Golden(String generation, String format, String file, KernelChoice kernels) {
        static Stream<Golden> safetensors(String generation) {
            return of(generation, "safetensors", generation + "/model.safetensors");
        }

        static Stream<Golden> of(String generation, String format, String file) {
            return KernelChoice.available().map(kernels -> new Golden(generation, format, file, kernels));
        }

        Feeding open(ModelOptions options) {
            return new Feeding(TestData.resource("golden/" + file), options, kernels.device(2));
        }

        Expected expected() {
            return Expected.of(generation);
        }

        /** Halved every two layers by the converter, some weights into float16's subnormal range. */
        boolean isRescaled() {
            return file.startsWith("v6-gguf");
        }

        double aim() {
            return isRescaled() ? 1e-4 : AIM;
        }

        @Override
        public String toString() {
            return "%s, %s, %s".formatted(generation, format, kernels);
        }
    }

    static Stream<Golden> generations() {
        return Stream.of(
                        "v1",
                        "v2",
                        "v2-ffnpre",
                        "v3",
                        "v3-ffnpre",
                        "v4",
                        "v4-ffnpre",
                        "v5.0",
                        "v5.1",
                        "v5.2",
                        "v6",
                        "v7")
                .flatMap(Golden::safetensors);
    }

    static Stream<Golden> files() {
        return Stream.of(
                        generations(),
                        Golden.of("v4", "pth fp32", "v4/model.pth"),
                        Golden.of("v6", "GGUF F16", "v6-gguf/model-f16.gguf"),
                        Golden.of("v7", "GGUF F16", "v7-gguf/model-f16.gguf"),
                        Golden.of("v7", "pth bf16", "v7-pth-bf16/model.pth"),
                        Golden.of("v7", "pth fp16", "v7-pth-fp16/model.pth"),
                        Golden.of("v7", "pth fp32", "v7-pth-fp32/model.pth"))
                .flatMap(golden -> golden);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void logitsAndStateAreTheOriginals(Golden golden) {
        Expected expected = golden.expected();
        try (Feeding model = golden.open(Feeding.OPTIONS)) {
            float[][] logits = model.logits(expected.tokens(), 1);
            assertThat(expected.deviation(logits).worst()).isLessThan(golden.aim());
            if (!golden.isRescaled()) {
                expected.states().forEach((part, numbers) -> assertClose(part, model.state(part), numbers));
            }
        }
    }

    /** The file has 7 significant digits; states reach magnitudes of some tens. */
    private static void assertClose(String part, float[] actual, float[] expected) {
        assertThat(actual).as(part).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as(part).isCloseTo(expected[i], within(2e-5f * Math.max(1, Math.abs(expected[i]))));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void prefillInAnyChunkingEqualsTokenByToken(Golden golden) {
        int[] tokens = golden.expected().tokens();
        try (Feeding model = golden.open(Feeding.OPTIONS)) {
            float[][] oneByOne = model.logits(tokens, 1);
            float[] state = model.state();
            SplittableRandom random = new SplittableRandom(7);
            for (int trial = 0; trial < 8; trial++) {
                int[] chunks = random.ints(5, 1, 65).toArray();
                assertThat(model.logits(tokens, chunks))
                        .as(Arrays.toString(chunks))
                        .isDeepEqualTo(oneByOne);
                assertThat(model.state()).isEqualTo(state);
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("generations")
    void sessionsInOneBatchEqualEachAlone(Golden golden) {
        SplittableRandom random = new SplittableRandom(11);
        int[] golds = golden.expected().tokens();
        int[][] texts = IntStream.of(56, 1, 40, 17, 33)
                .mapToObj(length ->
                        random.ints(length, 0, golds.length).map(i -> golds[i]).toArray())
                .toArray(int[][]::new);
        try (Feeding model = golden.open(Feeding.OPTIONS)) {
            float[][][] alone =
                    Stream.of(texts).map(text -> model.logits(text, 1)).toArray(float[][][]::new);
            for (int trial = 0; trial < 2; trial++) {
                assertThat(Arrays.deepEquals(model.together(texts, random), alone))
                        .isTrue();
            }
        }
    }

    /** What 8 bits of weights and activations cost on random weights, in root mean square: the stated limit is 0.06. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("generations")
    void eightBitsStayNearTheOriginal(Golden golden) {
        Expected expected = golden.expected();
        try (Feeding model = golden.open(Feeding.quantised(Quantization.Q8_0))) {
            double cost =
                    expected.deviation(model.logits(expected.tokens(), 5, 1)).rootMeanSquare();
            assertThat(cost).isBetween(1e-4, 0.06);
        }
    }

    /** The same for four bits, whose steps are 16 times as wide: the stated limit is 0.35. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("generations")
    void fourBitsStayNearTheOriginal(Golden golden) {
        Expected expected = golden.expected();
        try (Feeding model = golden.open(Feeding.quantised(Quantization.Q4_0))) {
            double cost =
                    expected.deviation(model.logits(expected.tokens(), 5, 1)).rootMeanSquare();
            assertThat(cost).isBetween(1e-3, 0.35);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void recognisesTheGeneration(Golden golden) {
        String generation = golden.generation().substring(1).replaceFirst("-.*", "");
        Architecture expected = Architecture.valueOf("RWKV_" + generation.replace('.', '_'));
        try (Feeding model = golden.open(Feeding.OPTIONS)) {
            assertThat(model.config().architecture()).isEqualTo(expected);
            assertThat(model.config().layers()).isEqualTo(3);
            assertThat(expected.label()).isEqualTo("RWKV-" + generation);
        }
    }
}
