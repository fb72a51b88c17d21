package io.github.rwkv4j.engine;

/** Access to what a step computed, for the jobs that took part in it. */
interface Results {
    /** Copies logits [vocabulary size]; the row is what {@code Batch.wantLogits} returned. */
    void logits(int row, float[] out);

    /** Copies features [embedding size]; the row is what {@code Batch.wantFeatures} returned. */
    void features(int row, float[] out);
}
