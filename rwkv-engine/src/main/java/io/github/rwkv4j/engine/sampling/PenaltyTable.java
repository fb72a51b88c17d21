package io.github.rwkv4j.engine.sampling;

import java.util.Arrays;

/** The tokens generated so far with their decayed counts. */
final class PenaltyTable {
    private int[] ids = new int[64];
    private double[] counts = new double[64];
    private int size;

    /** Subtracts {@code presence + frequency * count} from the logit of each token in the table. */
    void apply(float[] logits, double presence, double frequency) {
        for (int i = 0; i < size; i++) {
            logits[ids[i]] -= (float) (presence + frequency * counts[i]);
        }
    }

    /** Multiplies every count by {@code decay}, then adds {@code increment} to that of {@code id}. */
    void count(int id, double increment, double decay) {
        int slot = size;
        for (int i = 0; i < size; i++) {
            counts[i] *= decay;
            if (ids[i] == id) {
                slot = i;
            }
        }
        if (slot == size) {
            if (size == ids.length) {
                ids = Arrays.copyOf(ids, 2 * size);
                counts = Arrays.copyOf(counts, 2 * size);
            }
            ids[size++] = id;
        }
        counts[slot] += increment;
    }
}
