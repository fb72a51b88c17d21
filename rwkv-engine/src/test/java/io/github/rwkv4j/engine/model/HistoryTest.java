package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.cpu.KernelChoice;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the oldest generations remember of each position: all, a window, or no more than their context length. */
class HistoryTest {
    private static final int LENGTH = 48;

    @TempDir
    private Path directory;

    /** Three windows of text, against a direct sum over the last window of positions in double precision. */
    @ParameterizedTest
    @CsvSource({"v2, 16, 1", "v2, 16, 7", "v2, 16, 48", "v3, 16, 5", "v4-ffnpre, 16, 64", "v2, 0, 3", "v3, 1, 4"})
    void theCopyHeadLooksBackOnItsWindow(String generation, int window, int chunk) {
        Path file = TestData.resource("golden/" + generation + "/model.safetensors");
        int[] tokens = new SplittableRandom(3).ints(LENGTH, 0, 83).toArray();
        try (Feeding whole = open(file, window);
                Feeding bare = open(withoutCopyHead(whole.tensors()), 0)) {
            float[][] logits = whole.logits(tokens, chunk);
            assertThat(whole.state().length)
                    .isEqualTo(whole.model().stateLayout().size() + 257 * (window == 0 ? LENGTH : window));
            assertThat(bare.model().stateLayout().historyWidth()).isZero();
            float[][] plain = bare.logits(tokens, chunk);
            float[][] y = bare.features(tokens);
            for (int t = 0; t < LENGTH; t++) {
                double[] expected = new double[plain[t].length];
                for (int id = 0; id < expected.length; id++) {
                    expected[id] = plain[t][id];
                }
                double[] query = product(tensor(whole, "head_q.weight"), y[t]);
                for (int u = Math.max(0, window == 0 ? 0 : t + 1 - window); u <= t; u++) {
                    double[] key = product(tensor(whole, "head_k.weight"), y[u]);
                    for (int i = 0; i < key.length; i++) {
                        expected[tokens[u]] += query[i] * key[i] / key.length;
                    }
                }
                for (int id = 0; id < expected.length; id++) {
                    assertThat((double) logits[t][id]).isCloseTo(expected[id], within(2e-5));
                }
            }
        }
    }

    @Test
    void theSizeOfAMaskIsTheWindow() {
        Path file = TestData.resource("golden/v2/model.safetensors");
        int[] tokens = new SplittableRandom(3).ints(LENGTH, 0, 83).toArray();
        try (Feeding named = open(file, 16)) {
            Map<String, Tensor> tensors = new LinkedHashMap<>(named.tensors());
            tensors.put(
                    "copy_mask",
                    new Tensor("copy_mask", DType.F32, new long[] {16, 16}, MemorySegment.ofArray(new float[256])));
            Path masked = Safetensors.write(directory.resolve("masked.safetensors"), tensors.values());
            try (Feeding model = open(masked, 0)) {
                assertThat(model.logits(tokens, 9)).isDeepEqualTo(named.logits(tokens, 1));
            }
            try (Feeding model = open(masked, 20)) {
                assertThat(model.model().stateLayout().window()).isEqualTo(20);
            }
        }
    }

    /** A state that is read and written elsewhere goes on as the one that it came from, whatever it has grown to. */
    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2", "v3", "v4-ffnpre", "v5.2", "v6", "v7"})
    void aStateGoesOnWhereItsNumbersAreWritten(String generation) {
        Path file = TestData.resource("golden/" + generation + "/model.safetensors");
        int[] tokens = Expected.of(generation).tokens();
        int[] past = Arrays.copyOf(tokens, 30);
        int[] rest = Arrays.copyOfRange(tokens, 30, tokens.length);
        try (Feeding model = open(file, 0)) {
            State original = model.newState();
            State written = model.newState();
            State copied = model.newState();
            model.logits(original, past, 30);
            model.copy(original, written, copied);
            float[][] expected = model.logits(original, rest, 4);
            assertThat(model.logits(written, rest, 4)).isDeepEqualTo(expected);
            assertThat(model.logits(copied, rest, 1)).isDeepEqualTo(expected);
        }
    }

    @Test
    void rwkv1EndsAtItsContextLength() {
        Path file = TestData.resource("golden/v1/model.safetensors");
        int[] tokens = new SplittableRandom(3).ints(64, 0, 97).toArray();
        try (Feeding model = open(file, 0)) {
            assertThat(model.config().contextLength()).isEqualTo(64);
            State state = model.newState();
            model.logits(state, tokens, 64);
            assertThatThrownBy(() -> model.logits(state, new int[] {1}, 1))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("context length of 64");
        }
    }

    private static Feeding open(Path file, int window) {
        ModelOptions options =
                new ModelOptions(Quantization.NONE, 64, 64, Optional.empty(), window, ModelOptions.HEAD_NORM_EPSILON);
        return new Feeding(file, options, KernelChoice.SCALAR.device(2));
    }

    private Path withoutCopyHead(Map<String, Tensor> tensors) {
        return Safetensors.write(
                directory.resolve("bare.safetensors"),
                tensors.values().stream()
                        .filter(tensor -> !tensor.name().matches("head_[qk].weight"))
                        .toList());
    }

    private static Tensor tensor(Feeding model, String name) {
        return Optional.ofNullable(model.tensors().get(name)).orElseThrow();
    }

    private static double[] product(Tensor matrix, float[] x) {
        double[] out = new double[(int) matrix.shape()[0]];
        for (int row = 0; row < out.length; row++) {
            for (int k = 0; k < x.length; k++) {
                out[row] += (double) matrix.get((long) row * x.length + k) * x[k];
            }
        }
        return out;
    }
}
