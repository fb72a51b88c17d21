package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.engine.errors.OverloadedException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.model.Model;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes all running requests through the model together, one step at a time, on a thread of its own that is also the
 * first worker of the device. A request joins at the next step and leaves at its end, its cancel or its error.
 */
final class BatchScheduler implements Results, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BatchScheduler.class);

    /** Most prompt rows in a step while others are generating, so that they keep their pace. */
    private static final int SHARED_PREFILL_ROWS = 32;

    /** Rows whose logits can be asked for in one step beyond one for each session. */
    static final int EXTRA_LOGITS = 32;

    private final Model model;
    private final Compute compute;
    private final RwkvOptions options;
    private final Batch batch;
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Guarded by the lock: requests waiting for their turn, and things to do between two steps. */
    private final Queue<Job> waiting = new ArrayDeque<>();

    private final Queue<Runnable> calls = new ArrayDeque<>();
    private volatile boolean closed;
    private int inFlight;

    /** Owned by the scheduler's thread. */
    private final List<Job> running = new ArrayList<>();

    private final List<Job> stepping = new ArrayList<>();
    private int turn;

    BatchScheduler(Model model, Compute compute, RwkvOptions options) {
        this.model = model;
        this.compute = compute;
        this.options = options;
        this.batch = new Batch(
                options.prefillRows() + options.maxSessions(),
                options.maxSessions(),
                options.maxSessions() + EXTRA_LOGITS);
        this.thread = Thread.ofPlatform().name("rwkv-scheduler").daemon().start(this::work);
    }

    /**
     * Accepts a request.
     *
     * @throws OverloadedException if as many are running and waiting as the options allow
     * @throws ClosedException if the model is closed
     */
    void submit(Job job) {
        lock.lock();
        try {
            requireOpen();
            long capacity = (long) options.maxSessions() + options.queueCapacity();
            if (inFlight >= capacity) {
                throw new OverloadedException(
                        "%d requests are running or waiting, as many as the model accepts (maxSessions %d + queueCapacity %d): try again later"
                                .formatted(inFlight, options.maxSessions(), options.queueCapacity()));
            }
            inFlight++;
            waiting.add(job);
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Runs something on the scheduler's thread between two steps, when the device is free. */
    void call(Runnable action) {
        lock.lock();
        try {
            requireOpen();
            calls.add(action);
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** @throws ClosedException if the model is closed */
    void requireOpen() {
        if (closed) {
            throw new ClosedException("The model is closed: open it again");
        }
    }

    /** Ends a job at its next step, or at once where it waits. */
    void cancel(Job job) {
        job.cancel();
        signal();
    }

    /** Tells the scheduler that a job became ready or was cancelled. */
    void signal() {
        lock.lock();
        try {
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        while (awaitWork()) {
            endCancelled();
            try {
                step();
            } catch (Throwable t) {
                LOG.error("A step of the model failed", t);
                RwkvException error = new RwkvException("The model failed: " + t, t);
                stepping.forEach(job -> {
                    job.loseState();
                    finish(job, () -> job.fail(error));
                });
            }
        }
        ClosedException error = new ClosedException("The model was closed before the request was done");
        running.addAll(waiting);
        List.copyOf(running).forEach(job -> finish(job, () -> job.fail(error)));
    }

    /** Waits until there is something to do; returns false once the model is closed. */
    private boolean awaitWork() {
        lock.lock();
        try {
            while (true) {
                for (Runnable call = calls.poll(); call != null; call = calls.poll()) {
                    call.run();
                }
                if (closed) {
                    return false;
                }
                admit();
                if (hasWork()) {
                    return true;
                }
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    private void admit() {
        while (running.size() < options.maxSessions() && !waiting.isEmpty()) {
            running.add(waiting.remove());
        }
        // A cancelled job takes no place: it ends before the next step.
        waiting.removeIf(job -> job.isCancelled() && running.add(job));
    }

    private boolean hasWork() {
        for (int i = 0; i < running.size(); i++) {
            if (running.get(i).ready() || running.get(i).isCancelled()) {
                return true;
            }
        }
        return false;
    }

    private void endCancelled() {
        for (int i = running.size() - 1; i >= 0; i--) {
            Job job = running.get(i);
            if (job.isCancelled()) {
                finish(job, job::complete);
            }
        }
    }

    private void step() {
        batch.clear();
        stepping.clear();
        boolean othersGenerate = enterGenerating();
        enterPrompts(othersGenerate ? Math.min(SHARED_PREFILL_ROWS, options.prefillRows()) : options.prefillRows());
        if (batch.rows() == 0) {
            return;
        }
        model.forward(batch);
        for (int i = 0; i < stepping.size(); i++) {
            Job job = stepping.get(i);
            try {
                if (job.advance(this)) {
                    finish(job, job::complete);
                }
            } catch (RwkvException e) {
                finish(job, () -> job.fail(e));
            } catch (RuntimeException e) {
                finish(job, () -> job.fail(new RwkvException("The request failed: " + e, e)));
            }
        }
    }

    /** All that have one token to feed; returns whether there are any. */
    private boolean enterGenerating() {
        for (int i = 0; i < running.size(); i++) {
            Job job = running.get(i);
            if (job.remaining() == 1 && job.ready()) {
                enter(job, 1);
            }
        }
        return batch.rows() > 0;
    }

    /** As many prompt rows as the budget allows, beginning with another request at each step. */
    private void enterPrompts(int budget) {
        int left = budget;
        turn = running.isEmpty() ? 0 : (turn + 1) % running.size();
        for (int i = 0; i < running.size() && left > 0; i++) {
            Job job = running.get((turn + i) % running.size());
            if (job.remaining() > 1 && job.ready()) {
                int before = batch.rows();
                enter(job, left);
                left -= batch.rows() - before;
            }
        }
    }

    private void enter(Job job, int limit) {
        int sessions = batch.sessions();
        if (job.wantsEach()) {
            // One row of logits stays free for each session that may still join the step.
            int reserved = options.maxSessions() - sessions - 1;
            job.enter(batch, Math.min(limit, batch.freeLogits() - reserved));
        } else {
            job.enter(batch, limit);
        }
        if (batch.sessions() > sessions) {
            stepping.add(job);
        }
    }

    /** Takes a job out and tells its caller, once. */
    private void finish(Job job, Runnable ending) {
        if (!running.remove(job)) {
            return;
        }
        lock.lock();
        try {
            inFlight--;
        } finally {
            lock.unlock();
        }
        job.release();
        ending.run();
    }

    @Override
    public void logits(int row, float[] out) {
        compute.read(model.logits(), row, out);
    }

    @Override
    public void features(int row, float[] out) {
        compute.read(model.features(), row, out);
    }

    /** Ends all requests with a {@link ClosedException} and the thread with them. Idempotent. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
