package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.cpu.CpuCompute;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.weights.Quantization;
import java.nio.file.Path;
import java.util.Arrays;

/** A model on the CPU with one state, fed directly, without a scheduler. */
final class Feeding implements AutoCloseable {
    private static final int MAX_ROWS = 64;

    private final Checkpoint checkpoint;
    private final CpuCompute compute = new CpuCompute(2);
    private final Model model;
    private final State state;
    private final Batch batch = new Batch(MAX_ROWS, 1, MAX_ROWS);

    Feeding(Path file, Quantization quantization) {
        checkpoint = Checkpoint.open(file);
        model = new Rwkv7(compute, checkpoint.tensors(), quantization, MAX_ROWS, MAX_ROWS);
        state = compute.newState(model.stateLayout());
    }

    ModelConfig config() {
        return model.config();
    }

    /** The logits after each token, from an empty past; {@code chunks} are the numbers of tokens fed at a time, in turn. */
    float[][] logits(int[] tokens, int... chunks) {
        compute.write(state, 0, new float[model.stateLayout().size()]);
        float[][] logits = new float[tokens.length][model.config().vocabularySize()];
        for (int fed = 0, turn = 0; fed < tokens.length; turn++) {
            int count = Math.min(chunks[turn % chunks.length], tokens.length - fed);
            batch.clear();
            int first = batch.add(state, tokens, fed, count);
            for (int i = 0; i < count; i++) {
                batch.wantLogits(first + i);
            }
            model.forward(batch);
            for (int i = 0; i < count; i++) {
                compute.read(model.logits(), i, logits[fed + i]);
            }
            fed += count;
        }
        return logits;
    }

    /** A part of the state, such as {@code blocks.0.att.shift}. */
    float[] state(String part) {
        StateLayout.Part found = model.stateLayout().parts().stream()
                .filter(candidate -> candidate.name().equals(part))
                .findFirst()
                .orElseThrow();
        float[] numbers = new float[found.size()];
        compute.read(state, found.offset(), numbers);
        return numbers;
    }

    /** {@code count} greedy tokens after a prompt. */
    int[] greedy(int[] prompt, int count) {
        int[] tokens = Arrays.copyOf(prompt, prompt.length + count);
        for (int i = 0; i < count; i++) {
            float[] last = logits(Arrays.copyOf(tokens, prompt.length + i), MAX_ROWS)[prompt.length + i - 1];
            int best = 0;
            for (int id = 1; id < last.length; id++) {
                best = last[id] > last[best] ? id : best;
            }
            tokens[prompt.length + i] = best;
        }
        return Arrays.copyOfRange(tokens, prompt.length, tokens.length);
    }

    @Override
    public void close() {
        state.close();
        compute.close();
        checkpoint.close();
    }
}
