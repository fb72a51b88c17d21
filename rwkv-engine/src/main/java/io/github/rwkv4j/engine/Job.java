package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.state.TokenHistory;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way through the model: tokens to feed into a state, and what to do with the results. All methods
 * but {@link #cancel} are called by the scheduler's thread.
 */
abstract class Job {
    private final State state;
    private int[] tokens;
    private int fed;
    private final Consumer<Job> onRelease;
    private @Nullable TokenHistory history;
    private int alreadyNoted;
    private long totalFed;
    private boolean stateLost;
    private volatile boolean cancelled;

    /** @param onRelease runs when the state is free again, before anybody hears of the job's end */
    Job(State state, int[] tokens, Consumer<Job> onRelease) {
        this.state = state;
        this.tokens = tokens;
        this.onRelease = onRelease;
    }

    /**
     * Notes every token fed in the history of a session.
     *
     * @param noted how many of the first tokens it has already: 1 where the session's last token was unfed
     */
    final void recordIn(TokenHistory sessions, int noted) {
        history = sessions;
        alreadyNoted = noted;
    }

    final State state() {
        return state;
    }

    /** Tokens that wait to be fed. */
    final int remaining() {
        return tokens.length - fed;
    }

    /** Puts the next tokens into the batch, at most {@code limit}. */
    final void enter(Batch batch, int limit) {
        int count = Math.min(remaining(), Math.min(limit, batch.freeRows()));
        if (count > 0) {
            int first = batch.add(state, tokens, fed, count);
            if (history != null) {
                int noted = totalFed == 0 ? alreadyNoted : 0;
                history.append(tokens, fed + noted, count - noted);
            }
            fed += count;
            totalFed += count;
            want(batch, first, count);
        }
    }

    /** Replaces the fed tokens by the next one. */
    final void feed(int[] next) {
        tokens = next;
        fed = 0;
    }

    /** Whether the logits of every row are wanted, of which a batch holds fewer than rows. */
    boolean wantsEach() {
        return false;
    }

    /** Whether the job can use another step; otherwise it sits out until it is signalled. */
    boolean ready() {
        return true;
    }

    /** Asks for results of rows just added. */
    abstract void want(Batch batch, int first, int count);

    /** Reads the results after a step; returns whether the job is done, and then {@link #complete} follows. */
    abstract boolean advance(Results results);

    /** Frees the state for others. */
    final void release() {
        onRelease.accept(this);
    }

    /** How many tokens the state has seen of this job. */
    final long totalFed() {
        return totalFed;
    }

    /** Notes that a step failed half way: nobody knows what the state holds. */
    final void loseState() {
        stateLost = true;
    }

    final boolean isStateLost() {
        return stateLost;
    }

    /** A token that belongs to the past but that the state has not seen yet. */
    OptionalInt unfedToken() {
        return OptionalInt.empty();
    }

    /** Tells the caller of the end, which {@link #cancel} may have brought early. */
    abstract void complete();

    /** Tells the caller of an error. */
    abstract void fail(RwkvException error);

    final void cancel() {
        cancelled = true;
    }

    final boolean isCancelled() {
        return cancelled;
    }
}
