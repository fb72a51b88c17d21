package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.errors.RwkvException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Feeds tokens and collects the logits after the last of them, after each, or none. */
final class LogitsJob extends Job {
    /** Of which tokens the logits are wanted. */
    enum Wanted {
        NONE,
        LAST,
        EACH
    }

    private final Wanted wanted;
    private final int vocabularySize;
    private final List<float[]> logits = new ArrayList<>();
    private final CompletableFuture<List<float[]>> result = new CompletableFuture<>();
    private int firstRow;
    private int rows;

    LogitsJob(State state, int[] tokens, Wanted wanted, int vocabularySize, Consumer<Job> onRelease) {
        super(state, tokens, onRelease);
        this.wanted = wanted;
        this.vocabularySize = vocabularySize;
    }

    /** Logits in the order of the tokens. */
    CompletableFuture<List<float[]>> result() {
        return result;
    }

    @Override
    boolean wantsEach() {
        return wanted == Wanted.EACH;
    }

    @Override
    void want(Batch batch, int first, int count) {
        rows = switch (wanted) {
            case NONE -> 0;
            case LAST -> remaining() == 0 ? 1 : 0;
            case EACH -> count;
        };
        for (int i = 0; i < rows; i++) {
            int row = batch.wantLogits(first + count - rows + i);
            if (i == 0) {
                firstRow = row;
            }
        }
    }

    @Override
    boolean advance(Results results) {
        for (int i = 0; i < rows; i++) {
            float[] row = new float[vocabularySize];
            results.logits(firstRow + i, row);
            logits.add(row);
        }
        return remaining() == 0;
    }

    @Override
    void complete() {
        result.complete(logits);
    }

    @Override
    void fail(RwkvException error) {
        result.completeExceptionally(error);
    }
}
