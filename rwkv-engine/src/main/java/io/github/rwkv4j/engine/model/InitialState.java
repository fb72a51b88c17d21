package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A trained state that a session of RWKV-5 to RWKV-7 starts from instead of an empty past ("state tuning"). Files hold
 * {@code blocks.i.att.time_state} [heads, head size (value), head size (key)] for every layer; token shifts start at zero.
 */
public final class InitialState {
    static final String SUFFIX = "time_state";

    private final StateLayout layout;
    private final List<StateLayout.Start> starts;

    private InitialState(StateLayout layout, List<StateLayout.Start> starts) {
        this.layout = layout;
        this.starts = starts;
    }

    /**
     * Reads a trained state for {@code model}.
     *
     * @throws CheckpointException if the tensors are no trained state, or that of a model of other sizes
     */
    public static InitialState read(Map<String, Tensor> tensors, Model model) {
        ModelConfig config = model.config();
        if (config.architecture().compareTo(Architecture.RWKV_5_0) < 0) {
            throw new CheckpointException("Trained states are for RWKV-5 to RWKV-7, but the model is %s"
                    .formatted(config.architecture().label()));
        }
        Set<String> unused = new LinkedHashSet<>(tensors.keySet());
        List<StateLayout.Start> starts = new ArrayList<>();
        for (StateLayout.Part part : model.stateLayout().parts()) {
            if (part.name().endsWith(".att.state")) {
                String name = part.name().replaceFirst("state$", SUFFIX);
                Tensor tensor = tensors.get(name);
                if (tensor == null) {
                    throw new CheckpointException(
                            "The tensor %s is missing: this is no trained state of a model with %d layers"
                                    .formatted(name, config.layers()));
                }
                requireFit(tensor, config);
                starts.add(new StateLayout.Start(part, byKey(tensor, config.headSize())));
                unused.remove(name);
            }
        }
        if (!unused.isEmpty()) {
            throw new CheckpointException(
                    "A trained state of this model has %d tensors, but there are %d more, the first is %s"
                            .formatted(
                                    config.layers(),
                                    unused.size(),
                                    unused.iterator().next()));
        }
        return new InitialState(model.stateLayout(), starts);
    }

    private static void requireFit(Tensor tensor, ModelConfig config) {
        long[] expected = {config.heads(), config.headSize(), config.headSize()};
        if (!Arrays.equals(tensor.shape(), expected)) {
            throw new CheckpointException("%s has shape %s, but the model needs %s: it was trained for another model"
                    .formatted(tensor.name(), Arrays.toString(tensor.shape()), Arrays.toString(expected)));
        }
    }

    /** [head][value][key] as stored to [head][key][value]. */
    static float[] byKey(Tensor tensor, int headSize) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) {
            int head = i / (headSize * headSize);
            int key = i / headSize % headSize;
            int value = i % headSize;
            values[i] = tensor.get((head * headSize + value) * (long) headSize + key);
            if (!Float.isFinite(values[i])) {
                throw new CheckpointException(
                        "%s has an infinite or undefined number: the file is damaged".formatted(tensor.name()));
            }
        }
        return values;
    }

    /** Its numbers, layer by layer: [heads, head size (key), head size (value)]. */
    public List<float[]> values() {
        return starts.stream().map(StateLayout.Start::values).toList();
    }

    /**
     * Puts it into a new state.
     *
     * @throws InvalidRequestException if it was read for another model
     */
    public void writeTo(State state, Compute compute) {
        if (state.layout() != layout) {
            throw new InvalidRequestException("The initial state was read for another model: read it for this one");
        }
        for (StateLayout.Start start : starts) {
            compute.write(state, start.part().offset(), start.values());
        }
    }
}
