package io.github.rwkv4j.engine.sampling;

/**
 * The tokens that top-p and top-k leave. A heap gives up the likeliest tokens one by one until enough are found, so
 * that a vocabulary of 65,536 is never sorted.
 */
final class Candidates {
    /** A heap in {@code [0, heap)}; what was taken from it in {@code [heap, end)}, the likeliest last. */
    private final int[] ids;

    private int heap;
    private int end;

    Candidates(int vocabularySize) {
        ids = new int[vocabularySize];
    }

    /**
     * Keeps the tokens of nonzero probability that top-p leaves: those at least as likely as the one at which the sum,
     * in descending order, reaches {@code topP}. Of these it keeps the {@code topK} likeliest, lower ids first on ties.
     *
     * @param probabilities of all tokens, with a sum of 1
     * @param topP at least 1 for no cut
     * @param topK 0 for no limit
     */
    void select(float[] probabilities, double topP, int topK) {
        boolean everything = topP >= 1 && topK == 0;
        collect(probabilities, topP);
        if (everything) {
            heap = 0;
            return;
        }
        for (int i = heap / 2 - 1; i >= 0; i--) {
            sink(probabilities, i);
        }
        int limit = topK == 0 ? heap : Math.min(topK, heap);
        double sum = 0;
        float cutoff = 0;
        for (int kept = 0; kept < limit && probabilities[ids[0]] >= cutoff; kept++) {
            float probability = probabilities[ids[0]];
            takeLikeliest(probabilities);
            sum += probability;
            if (cutoff == 0 && topP < 1 && sum >= topP) {
                cutoff = probability;
            }
        }
    }

    /** All tokens less likely than {@code (1 - topP) / n} together miss the rest that top-p cuts; half for rounding. */
    private void collect(float[] probabilities, double topP) {
        double least = Math.max(0, 0.5 * (1 - topP) / probabilities.length);
        heap = 0;
        for (int id = 0; id < probabilities.length; id++) {
            if (probabilities[id] > 0 && probabilities[id] >= least) {
                ids[heap++] = id;
            }
        }
        end = heap;
    }

    private void takeLikeliest(float[] probabilities) {
        heap--;
        int likeliest = ids[0];
        ids[0] = ids[heap];
        ids[heap] = likeliest;
        sink(probabilities, 0);
    }

    private void sink(float[] probabilities, int root) {
        int parent = root;
        while (2 * parent + 1 < heap) {
            int child = 2 * parent + 1;
            if (child + 1 < heap && isBefore(probabilities, ids[child + 1], ids[child])) {
                child++;
            }
            if (isBefore(probabilities, ids[parent], ids[child])) {
                return;
            }
            int swapped = ids[parent];
            ids[parent] = ids[child];
            ids[child] = swapped;
            parent = child;
        }
    }

    private static boolean isBefore(float[] probabilities, int a, int b) {
        return probabilities[a] > probabilities[b] || (probabilities[a] == probabilities[b] && a < b);
    }

    int size() {
        return end - heap;
    }

    /** The id at {@code index}; where anything was cut, in descending order of probability. */
    int id(int index) {
        return ids[end - 1 - index];
    }
}
