package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One conversation's past: a state of constant size. Feed it, generate from it, fork it. One request at a time: a second
 * one while another runs is refused.
 */
public final class Session implements AutoCloseable {
    private final Rwkv model;
    private final State state;
    private final AtomicBoolean busy = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final AtomicReference<@Nullable Job> current = new AtomicReference<>();

    /** Written while busy: how many tokens the state has seen, and one more that it has not. */
    private volatile long fed;

    private volatile OptionalInt unfed = OptionalInt.empty();

    Session(Rwkv model, State state) {
        this.model = model;
        this.state = state;
    }

    /** Number of tokens in the past. */
    public long position() {
        return fed + (unfed.isPresent() ? 1 : 0);
    }

    /**
     * Feeds {@code tokens} and returns the logits [vocabulary size] after the last of them.
     *
     * @throws InvalidRequestException if there are no tokens, or ids outside the vocabulary
     */
    public float[] logits(int... tokens) {
        return feed(tokens, false).getLast();
    }

    /** Feeds {@code tokens} and returns the logits after each of them: [tokens][vocabulary size]. */
    public float[][] logitsOfEach(int... tokens) {
        List<float[]> logits = feed(tokens, true);
        // The token that was still to be fed has logits too, which nobody asked for.
        return logits.subList(logits.size() - tokens.length, logits.size()).toArray(float[][]::new);
    }

    private List<float[]> feed(int[] tokens, boolean each) {
        model.requireTokens(tokens);
        if (tokens.length == 0) {
            throw new InvalidRequestException("There is no token to feed");
        }
        acquire();
        LogitsJob job =
                new LogitsJob(state, withUnfed(tokens), each, model.info().vocabularySize(), this::release);
        submit(job);
        return Rwkv.join(job.result());
    }

    /**
     * Feeds the request's prompt and generates; the session then holds the prompt and what was generated.
     *
     * @throws InvalidRequestException if the prompt is empty and there is no past, or has ids outside the vocabulary
     * @throws io.github.rwkv4j.engine.errors.OverloadedException if too many requests are waiting
     */
    public Generation generate(GenerationRequest request, GenerationListener listener) {
        return start(request, Optional.of(listener));
    }

    /** As {@link #generate(GenerationRequest, GenerationListener)}, waiting for the end; an interrupt cancels it. */
    public GenerationResult generate(GenerationRequest request) {
        return Rwkv.await(start(request, Optional.empty()));
    }

    Generation start(GenerationRequest request, Optional<GenerationListener> listener) {
        model.requireTokens(request.prompt());
        acquire();
        GenerationJob job;
        try {
            int[] prompt = withUnfed(request.prompt());
            if (prompt.length == 0) {
                throw new InvalidRequestException("The prompt is empty: there is nothing to continue");
            }
            job = model.newJob(state, prompt, request, listener, this::release);
        } catch (RuntimeException e) {
            busy.set(false);
            throw e;
        }
        submit(job);
        job.delivery().start();
        return job.delivery();
    }

    private void submit(Job job) {
        current.set(job);
        try {
            model.submit(job);
        } catch (RuntimeException e) {
            busy.set(false);
            throw e;
        }
    }

    private void acquire() {
        if (closed.get()) {
            throw new InvalidRequestException("The session is closed");
        }
        if (!busy.compareAndSet(false, true)) {
            throw new InvalidRequestException("The session is busy: wait for its request, or fork it before");
        }
    }

    private void release(Job job) {
        fed += job.totalFed();
        unfed = job.unfedToken();
        current.set(null);
        busy.set(false);
    }

    private int[] withUnfed(int[] tokens) {
        OptionalInt first = unfed;
        if (first.isEmpty()) {
            return tokens;
        }
        int[] all = new int[tokens.length + 1];
        all[0] = first.getAsInt();
        System.arraycopy(tokens, 0, all, 1, tokens.length);
        return all;
    }

    /** A new session with the same past. */
    public Session fork() {
        acquire();
        try {
            Session fork = model.newSession();
            model.copy(state, fork.state);
            fork.fed = fed;
            fork.unfed = unfed;
            return fork;
        } finally {
            busy.set(false);
        }
    }

    /** Numbers of the state from {@code offset}, for tests that compare states. */
    float[] readState(int offset, int count) {
        acquire();
        try {
            return model.read(state, offset, count);
        } finally {
            busy.set(false);
        }
    }

    /** Frees the state; a running request is cancelled first. Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Job running = current.get();
            if (running != null) {
                running.cancel();
            }
            model.free(state);
        }
    }
}
