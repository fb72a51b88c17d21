package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.TokenHistory;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One conversation's past: a state, whose size is constant but in the oldest generations. Feed it, generate from it, fork it. One request at a time: a second
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

    /** Of the past, the unfed token included; written while busy. */
    private final TokenHistory history;

    /** Whether a step failed half way, so that nobody knows what the state holds. */
    private volatile boolean lost;

    Session(Rwkv model, State state, TokenHistory history) {
        this.model = model;
        this.state = state;
        this.history = history;
    }

    /** Goes on from where another session was. */
    Session(Rwkv model, State state, TokenHistory history, long fed, OptionalInt unfed) {
        this(model, state, history);
        this.fed = fed;
        this.unfed = unfed;
    }

    /** Number of tokens in the past. */
    public long position() {
        return fed + (unfed.isPresent() ? 1 : 0);
    }

    /** How many more tokens the past can take: any number, but for RWKV-1. */
    public long room() {
        return model.room(fed);
    }

    /**
     * Feeds {@code tokens} and returns the logits [vocabulary size] after the last of them.
     *
     * @throws InvalidRequestException if there are no tokens, or ids outside the vocabulary
     */
    public float[] logits(int... tokens) {
        return feed(tokens, LogitsJob.Wanted.LAST).getLast();
    }

    /**
     * Feeds {@code tokens} without computing logits.
     *
     * @throws InvalidRequestException if there are no tokens, or ids outside the vocabulary
     */
    public void feed(int... tokens) {
        feed(tokens, LogitsJob.Wanted.NONE);
    }

    /** Feeds {@code tokens} and returns the logits after each of them: [tokens][vocabulary size]. */
    public float[][] logitsOfEach(int... tokens) {
        List<float[]> logits = feed(tokens, LogitsJob.Wanted.EACH);
        // The token that was still to be fed has logits too, which nobody asked for.
        return logits.subList(logits.size() - tokens.length, logits.size()).toArray(float[][]::new);
    }

    private List<float[]> feed(int[] tokens, LogitsJob.Wanted wanted) {
        model.requireTokens(tokens);
        if (tokens.length == 0) {
            throw new InvalidRequestException("There is no token to feed");
        }
        acquire();
        LogitsJob job;
        try {
            int[] all = withUnfed(tokens);
            model.requireRoom(fed, all.length);
            job = new LogitsJob(state, all, wanted, model.info().vocabularySize(), this::release);
        } catch (RuntimeException e) {
            becomeIdle();
            throw e;
        }
        submit(job);
        return Rwkv.join(job.result());
    }

    /**
     * Feeds the request's prompt and generates; the session then holds the prompt and what was generated, and after a
     * cancel as much of them as {@link #position} says. The prompt may be empty right after a generation, which it then
     * continues.
     *
     * @throws InvalidRequestException if the prompt is empty and nothing was generated just before, or has ids outside
     *     the vocabulary
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
                throw new InvalidRequestException(
                        "The prompt is empty and the session's last token was fed before: give at least one token");
            }
            model.requireRoom(fed, prompt.length);
            job = model.newJob(state, fed, prompt, request, listener, this::release);
        } catch (RuntimeException e) {
            becomeIdle();
            throw e;
        }
        submit(job);
        job.delivery().start();
        return job.delivery();
    }

    private void submit(Job job) {
        job.recordIn(history, unfed.isPresent() ? 1 : 0);
        current.set(job);
        try {
            if (closed.get()) {
                throw closed();
            }
            model.submit(job);
        } catch (RuntimeException e) {
            current.set(null);
            becomeIdle();
            throw e;
        }
    }

    private void acquire() {
        if (closed.get()) {
            throw closed();
        }
        if (!busy.compareAndSet(false, true)) {
            throw new InvalidRequestException("The session is busy: wait for its request, or fork it before");
        }
        if (lost) {
            becomeIdle();
            throw new RwkvException(
                    "The session's past was lost when the model failed: close it and feed a new session");
        }
    }

    private static InvalidRequestException closed() {
        return new InvalidRequestException("The session is closed: take a new one");
    }

    private void release(Job job) {
        // A job that was cancelled before its first step leaves everything as it was.
        if (job.totalFed() > 0) {
            fed += job.totalFed();
            unfed = job.unfedToken();
            unfed.ifPresent(history::append);
        }
        lost = job.isStateLost();
        current.set(null);
        becomeIdle();
    }

    /** Lets the next request in; after a close, which came while the state was in use, frees it instead. */
    private void becomeIdle() {
        busy.set(false);
        if (closed.get()) {
            freeIfIdle();
        }
    }

    private void freeIfIdle() {
        // Whoever gets hold of a closed session keeps it: nobody comes after.
        if (busy.compareAndSet(false, true)) {
            model.free(state);
        }
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
            return model.copy(state, TokenHistory.from(history.hash()), fed, unfed);
        } finally {
            becomeIdle();
        }
    }

    /**
     * The past as data, which {@link Rwkv#newSession(Snapshot)} goes on from, in this process or another.
     *
     * @throws InvalidRequestException if a request is running
     */
    public Snapshot snapshot() {
        acquire();
        try {
            return new Snapshot(model.fingerprint(), position(), unfed, history.hash(), model.read(state), new byte[0]);
        } finally {
            becomeIdle();
        }
    }

    /** Numbers of the state from {@code offset}, for tests that compare states. */
    float[] readState(int offset, int count) {
        acquire();
        try {
            return model.read(state, offset, count);
        } finally {
            becomeIdle();
        }
    }

    /** Frees the state; a running request is cancelled first. Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            Job running = current.get();
            if (running != null) {
                model.cancel(running);
            }
            freeIfIdle();
        }
    }
}
