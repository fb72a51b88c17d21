package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** A model with its states, fed directly, without a scheduler. */
final class Feeding implements AutoCloseable {
    private static final int MAX_ROWS = 64;
    private static final int MAX_SESSIONS = 8;

    static final ModelOptions OPTIONS = new ModelOptions(Quantization.NONE, MAX_ROWS, MAX_ROWS);

    private final Checkpoint checkpoint;
    private final Compute compute;
    private final Model model;
    private final List<State> states = new ArrayList<>();
    private final Batch batch = new Batch(MAX_ROWS, MAX_SESSIONS, MAX_ROWS);
    private State state;

    Feeding(Path file, ModelOptions options, Compute compute) {
        this.checkpoint = Checkpoint.open(file);
        this.compute = compute;
        this.model = Model.load(compute, checkpoint.tensors(), options);
        this.state = newState();
    }

    static ModelOptions quantised(Quantization quantization) {
        return new ModelOptions(quantization, MAX_ROWS, MAX_ROWS);
    }

    Model model() {
        return model;
    }

    ModelConfig config() {
        return model.config();
    }

    Map<String, Tensor> tensors() {
        return checkpoint.tensors();
    }

    State newState() {
        State fresh = compute.newState(model.stateLayout());
        states.add(fresh);
        return fresh;
    }

    /** The logits after each token, from an empty past; {@code chunks} are the numbers of tokens fed at a time, in turn. */
    float[][] logits(int[] tokens, int... chunks) {
        state = newState();
        return logits(state, tokens, chunks);
    }

    /** As {@link #logits(int[], int...)} from the past that a state holds. */
    float[][] logits(State past, int[] tokens, int... chunks) {
        float[][] logits = new float[tokens.length][model.config().vocabularySize()];
        for (int fed = 0, turn = 0; fed < tokens.length; turn++) {
            int count = Math.min(chunks[turn % chunks.length], tokens.length - fed);
            batch.clear();
            int first = batch.add(past, tokens, fed, count);
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

    /** The last layer norm's outputs after each token, from an empty past. */
    float[][] features(int[] tokens) {
        State past = newState();
        float[][] features = new float[tokens.length][model.config().embeddingSize()];
        for (int i = 0; i < tokens.length; i++) {
            batch.clear();
            batch.wantFeatures(batch.add(past, tokens, i, 1));
            model.forward(batch);
            compute.read(model.features(), 0, features[i]);
        }
        return features;
    }

    /** The logits after each token of several texts, each in a session of its own, in steps of random rows of all. */
    float[][][] together(int[][] texts, SplittableRandom random) {
        State[] pasts = new State[texts.length];
        Arrays.setAll(pasts, _ -> newState());
        int[] fed = new int[texts.length];
        int[] entered = new int[texts.length];
        float[][][] logits = new float[texts.length][][];
        Arrays.setAll(logits, i -> new float[texts[i].length][model.config().vocabularySize()]);
        while (!Arrays.equals(
                fed, Arrays.stream(texts).mapToInt(text -> text.length).toArray())) {
            batch.clear();
            for (int i = 0; i < texts.length; i++) {
                int most = Math.min(MAX_ROWS / texts.length, texts[i].length - fed[i]);
                entered[i] = most == 0 ? 0 : random.nextInt(most + 1);
                if (entered[i] > 0) {
                    int first = batch.add(pasts[i], texts[i], fed[i], entered[i]);
                    for (int row = 0; row < entered[i]; row++) {
                        batch.wantLogits(first + row);
                    }
                }
            }
            if (batch.rows() > 0) {
                model.forward(batch);
            }
            for (int i = 0, row = 0; i < texts.length; i++) {
                for (int end = fed[i] + entered[i]; fed[i] < end; fed[i]++) {
                    compute.read(model.logits(), row++, logits[i][fed[i]]);
                }
            }
        }
        return logits;
    }

    /** A part of the state after the last {@link #logits(int[], int...)}, such as {@code blocks.0.att.shift}. */
    float[] state(String part) {
        StateLayout.Part found = part(part);
        return read(state, found.offset(), found.size());
    }

    /** All of it, history included. */
    float[] state() {
        return read(state, 0, state.size());
    }

    float[] read(State from, int offset, int count) {
        float[] numbers = new float[count];
        compute.read(from, offset, numbers);
        return numbers;
    }

    /** Makes two states equal to one, by its numbers and by the device's copy. */
    void copy(State from, State byNumbers, State byDevice) {
        compute.write(byNumbers, 0, read(from, 0, from.size()));
        compute.copy(from, byDevice);
    }

    void write(State to, StateLayout.Part part, float[] numbers) {
        compute.write(to, part.offset(), numbers);
    }

    StateLayout.Part part(String name) {
        return model.stateLayout().parts().stream()
                .filter(candidate -> candidate.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** {@code count} greedy tokens after a prompt. */
    int[] greedy(int[] prompt, int count) {
        State past = newState();
        int[] tokens = new int[count];
        float[][] last = logits(past, prompt, MAX_ROWS);
        for (int i = 0; i < count; i++) {
            float[] row = last[last.length - 1];
            int best = 0;
            for (int id = 1; id < row.length; id++) {
                best = row[id] > row[best] ? id : best;
            }
            tokens[i] = best;
            last = logits(past, new int[] {best}, 1);
        }
        return tokens;
    }

    @Override
    public void close() {
        states.forEach(State::close);
        compute.close();
        checkpoint.close();
    }
}
