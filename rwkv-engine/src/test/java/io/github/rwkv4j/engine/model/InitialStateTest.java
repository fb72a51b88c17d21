package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.cpu.KernelChoice;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trained states: [head][value][key] in files, whatever the generation. The golden runs' last states stand in for them. */
class InitialStateTest {
    private static final int[] TOKENS = {5, 77, 200, 5, 31};

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"v5.0", "v5.1", "v5.2", "v6", "v7"})
    void aSessionStartsFromIt(String generation) {
        float[][] expected = logitsFromMatricesOf(generation);
        Path trained = Safetensors.write(directory.resolve("state.safetensors"), trainedState(generation));
        try (Rwkv model = Rwkv.open(model(generation))) {
            InitialState start = model.initialState(trained);
            for (int use = 0; use < 2; use++) {
                try (Session session = model.newSession(start);
                        Session empty = model.newSession()) {
                    assertThat(session.position()).isZero();
                    assertThat(session.logitsOfEach(TOKENS)).isDeepEqualTo(expected);
                    assertThat(empty.logits(TOKENS)).isNotEqualTo(expected[TOKENS.length - 1]);
                }
            }
        }
    }

    /** Tuned checkpoints hold it beside the weights; then every past begins with it. */
    @ParameterizedTest
    @ValueSource(strings = {"v5.2", "v6", "v7"})
    void aCheckpointThatHoldsItStartsEverySessionFromIt(String generation) {
        float[][] expected = logitsFromMatricesOf(generation);
        try (Feeding plain = open(generation)) {
            Path tuned = Safetensors.write(
                    directory.resolve("tuned.safetensors"),
                    Stream.concat(plain.tensors().values().stream(), trainedState(generation).stream())
                            .toList());
            try (Rwkv model = Rwkv.open(tuned);
                    Session session = model.newSession()) {
                assertThat(session.logitsOfEach(TOKENS)).isDeepEqualTo(expected);
            }
        }
    }

    /** What a state with these matrices and empty token shifts gives; by the engine's own order, [head][key][value]. */
    private static float[][] logitsFromMatricesOf(String generation) {
        try (Feeding model = open(generation)) {
            State state = model.newState();
            Expected.of(generation).states().forEach((part, numbers) -> {
                if (part.endsWith("att.state")) {
                    model.write(state, model.part(part), numbers);
                }
            });
            return model.logits(state, TOKENS, 1);
        }
    }

    private static List<Tensor> trainedState(String generation) {
        List<Tensor> tensors = new ArrayList<>();
        Expected.of(generation).states().forEach((part, numbers) -> {
            if (part.endsWith("att.state")) {
                tensors.add(timeState(part.replace("att.state", "att.time_state"), numbers));
            }
        });
        return tensors;
    }

    private static Tensor timeState(String name, float[] byKey) {
        float[] byValue = Expected.transposed(byKey, 64);
        return new Tensor(name, DType.F32, new long[] {2, 64, 64}, MemorySegment.ofArray(byValue));
    }

    private static Path model(String generation) {
        return TestData.resource("golden/" + generation + "/model.safetensors");
    }

    private static Feeding open(String generation) {
        KernelChoice best = KernelChoice.available().toList().getLast();
        return new Feeding(model(generation), Feeding.OPTIONS, best.device(1));
    }

    @Test
    void refusesWhatDoesNotFit() {
        List<Tensor> whole = trainedState("v7");
        try (Rwkv model = Rwkv.open(model("v7"))) {
            assertRefused(model, whole.subList(0, 2), "blocks.2.att.time_state is missing", "3 layers");
            assertRefused(
                    model,
                    Stream.concat(whole.stream(), Stream.of(timeState("blocks.3.att.time_state", new float[8192])))
                            .toList(),
                    "1 more",
                    "blocks.3.att.time_state");
            Tensor small = new Tensor(
                    "blocks.0.att.time_state",
                    DType.F32,
                    new long[] {8, 32, 32},
                    whole.getFirst().data());
            assertRefused(
                    model, List.of(small, whole.get(1), whole.get(2)), "[8, 32, 32]", "[2, 64, 64]", "another model");
            float[] damaged = new float[8192];
            damaged[17] = Float.NaN;
            assertRefused(
                    model,
                    List.of(timeState("blocks.0.att.time_state", damaged), whole.get(1), whole.get(2)),
                    "blocks.0.att.time_state",
                    "undefined number");
            assertThatThrownBy(() -> model.initialState(directory.resolve("absent.pth")))
                    .isInstanceOf(ModelNotFoundException.class);
        }
    }

    private void assertRefused(Rwkv model, List<Tensor> tensors, String... words) {
        Path file = Safetensors.write(directory.resolve("state.safetensors"), tensors);
        assertThatThrownBy(() -> model.initialState(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContainingAll(words);
    }

    @Test
    void refusesOneOfAnotherModelAndGenerationsWithoutMatrices() {
        Path trained = Safetensors.write(directory.resolve("state.safetensors"), trainedState("v7"));
        try (Rwkv model = Rwkv.open(model("v7"));
                Rwkv other = Rwkv.open(model("v6"))) {
            InitialState start = model.initialState(trained);
            assertThatThrownBy(() -> other.newSession(start))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("another model");
        }
        try (Feeding model = open("v4")) {
            assertThatThrownBy(() -> InitialState.read(model.tensors(), model.model()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContainingAll("RWKV-5 to RWKV-7", "RWKV-4");
        }
    }
}
