package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.errors.RwkvException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Feeds a text and pools the outputs of the last layer norm into one vector of length 1 (spec: embeddings, 2 and 3). */
final class EmbeddingJob extends Job {
    private final Pooling pooling;
    private final float[] features;
    private final float[] sum;
    private final CompletableFuture<float[]> result = new CompletableFuture<>();
    private int firstRow;
    private int rows;

    EmbeddingJob(State state, int[] tokens, Pooling pooling, int embeddingSize, Consumer<Job> onRelease) {
        super(state, tokens, onRelease);
        this.pooling = pooling;
        this.features = new float[embeddingSize];
        this.sum = new float[embeddingSize];
    }

    CompletableFuture<float[]> result() {
        return result;
    }

    @Override
    void want(Batch batch, int first, int count) {
        rows = pooling == Pooling.MEAN ? count : remaining() == 0 ? 1 : 0;
        for (int i = 0; i < rows; i++) {
            int row = batch.wantFeatures(first + count - rows + i);
            if (i == 0) {
                firstRow = row;
            }
        }
    }

    @Override
    boolean advance(Results results) {
        for (int i = 0; i < rows; i++) {
            results.features(firstRow + i, features);
            for (int k = 0; k < sum.length; k++) {
                sum[k] += features[k];
            }
        }
        return remaining() == 0;
    }

    @Override
    void complete() {
        double squares = 0;
        for (float value : sum) {
            squares += (double) value * value;
        }
        float scale = (float) (1 / Math.max(Math.sqrt(squares), 1e-12));
        for (int k = 0; k < sum.length; k++) {
            sum[k] *= scale;
        }
        result.complete(sum);
    }

    @Override
    void fail(RwkvException error) {
        result.completeExceptionally(error);
    }
}
