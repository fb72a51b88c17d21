package io.github.rwkv4j.engine.compute.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A few threads that work on one operation at a time. The calling thread is worker 0; the others wait for the next
 * operation by spinning for a moment, since it usually comes within microseconds, and then parked, so that an idle model
 * uses no processor. Running a task allocates nothing.
 */
final class WorkerPool implements AutoCloseable {
    /** An operation cut into numbered units of work. */
    interface Task {
        /** Works on one unit; units of a task run at the same time and in any order. */
        void run(int unit, int worker);
    }

    private static final int SPINS = 20_000;
    private static final VarHandle EPOCH;

    static {
        try {
            EPOCH = MethodHandles.lookup().findVarHandle(WorkerPool.class, "epoch", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Thread[] threads;
    private final boolean[] parked;
    private final AtomicInteger nextUnit = new AtomicInteger();
    private final AtomicInteger working = new AtomicInteger();
    private @Nullable Task task;
    private int units;
    private volatile int epoch;
    private volatile boolean closed;
    private volatile @Nullable Throwable failure;

    /** Starts {@code workers - 1} threads. */
    WorkerPool(int workers) {
        threads = new Thread[workers - 1];
        parked = new boolean[workers - 1];
        for (int i = 0; i < threads.length; i++) {
            int worker = i + 1;
            threads[i] =
                    Thread.ofPlatform().name("rwkv-worker-" + worker).daemon().start(() -> work(worker));
        }
    }

    int workers() {
        return threads.length + 1;
    }

    /**
     * Runs units 0 to {@code count - 1} of {@code work} on all workers and returns when all are done. Called by one
     * thread at a time.
     */
    void run(Task work, int count) {
        if (count <= 1 || threads.length == 0) {
            for (int unit = 0; unit < count; unit++) {
                work.run(unit, 0);
            }
            return;
        }
        task = work;
        units = count;
        nextUnit.setPlain(0);
        working.setPlain(threads.length);
        EPOCH.getAndAdd(this, 1);
        for (int i = 0; i < threads.length; i++) {
            if ((boolean) PARKED.getVolatile(parked, i)) {
                LockSupport.unpark(threads[i]);
            }
        }
        Throwable mine = takeUnits(work, count, 0);
        while (working.get() > 0) {
            Thread.onSpinWait();
        }
        Throwable theirs = failure;
        if (mine != null || theirs != null) {
            failure = null;
            throw new IllegalStateException("A worker failed", mine != null ? mine : theirs);
        }
    }

    private @Nullable Throwable takeUnits(Task work, int count, int worker) {
        try {
            for (int unit = nextUnit.getAndIncrement(); unit < count; unit = nextUnit.getAndIncrement()) {
                work.run(unit, worker);
            }
            return null;
        } catch (Throwable t) {
            nextUnit.set(count);
            return t;
        }
    }

    private void work(int worker) {
        int seen = 0;
        while (true) {
            seen = awaitEpochAfter(seen, worker);
            if (closed) {
                return;
            }
            Task work = task;
            Throwable thrown = work == null ? null : takeUnits(work, units, worker);
            if (thrown != null) {
                failure = thrown;
            }
            working.decrementAndGet();
        }
    }

    private int awaitEpochAfter(int seen, int worker) {
        for (int spin = 0; spin < SPINS; spin++) {
            int now = epoch;
            if (now != seen) {
                return now;
            }
            Thread.onSpinWait();
        }
        PARKED.setVolatile(parked, worker - 1, true);
        while (epoch == seen) {
            LockSupport.park(this);
        }
        PARKED.setVolatile(parked, worker - 1, false);
        return epoch;
    }

    private static final VarHandle PARKED = MethodHandles.arrayElementVarHandle(boolean[].class);

    /** Stops the threads and waits for them. Idempotent; not while a task runs. */
    @Override
    public void close() {
        closed = true;
        EPOCH.getAndAdd(this, 1);
        boolean interrupted = false;
        for (Thread thread : threads) {
            LockSupport.unpark(thread);
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
