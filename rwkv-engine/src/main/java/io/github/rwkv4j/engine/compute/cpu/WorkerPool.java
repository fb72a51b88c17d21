package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.errors.RwkvException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A few threads that work on one operation at a time. The calling thread is worker 0; the others wait for the next
 * operation by spinning for a moment, since it usually comes within microseconds, then by yielding to whoever else needs
 * the processor (the JVM's compiler among them), and then parked, so that an idle model uses no processor. An operation is
 * over when its units are done: a worker that gets no processor delays nobody. Running a task allocates nothing.
 */
final class WorkerPool implements AutoCloseable {
    /** An operation cut into numbered units of work. */
    interface Task {
        /** Works on one unit; units of a task run at the same time and in any order. */
        void run(int unit, int worker);
    }

    private static final int SPINS = 1_000;
    private static final int YIELDS = 1_000;

    /**
     * The ticket says which operation is on, how many units it has and which is the next to take: 24 bits of a counter of
     * operations, 20 bits each of units. Who raises the next unit by compare-and-set owns those in between, and the
     * operation can't end before they are done; so the task is read after that.
     */
    private static final int UNIT_BITS = 20;

    private static final long UNIT_MASK = (1L << UNIT_BITS) - 1;
    private static final VarHandle TICKET;
    private static final VarHandle PARKED = MethodHandles.arrayElementVarHandle(boolean[].class);

    static {
        try {
            TICKET = MethodHandles.lookup().findVarHandle(WorkerPool.class, "ticket", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Thread[] threads;
    private final boolean[] parked;
    private final AtomicInteger done = new AtomicInteger();
    private @Nullable Task task;
    private volatile long ticket;
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
     *
     * @throws RwkvException what a unit threw, from whichever worker
     */
    void run(Task work, int count) {
        if (count <= 1 || threads.length == 0) {
            for (int unit = 0; unit < count; unit++) {
                work.run(unit, 0);
            }
            return;
        }
        if (count > UNIT_MASK) {
            throw new IllegalArgumentException(count + " units are more than a ticket can number");
        }
        task = work;
        done.setPlain(0);
        long operation = (ticket >>> (2 * UNIT_BITS)) + 1;
        ticket = (operation << (2 * UNIT_BITS)) | ((long) count << UNIT_BITS);
        for (int i = 0; i < threads.length; i++) {
            if ((boolean) PARKED.getVolatile(parked, i)) {
                LockSupport.unpark(threads[i]);
            }
        }
        takeUnits(0);
        for (int waits = 0; done.get() < count; waits++) {
            pause(waits);
        }
        Throwable thrown = failure;
        if (thrown != null) {
            failure = null;
            if (thrown instanceof RwkvException known) {
                throw known;
            }
            throw new IllegalStateException("A worker failed", thrown);
        }
    }

    private static void pause(int waits) {
        if (waits < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }

    private static boolean hasUnits(long ticket) {
        return (ticket & UNIT_MASK) < ((ticket >>> UNIT_BITS) & UNIT_MASK);
    }

    private void takeUnits(int worker) {
        for (long now = ticket; hasUnits(now); now = ticket) {
            int share = share(now);
            if (TICKET.compareAndSet(this, now, now + share)) {
                Task work = task;
                int first = (int) (now & UNIT_MASK);
                try {
                    for (int unit = first; unit < first + share && work != null; unit++) {
                        work.run(unit, worker);
                    }
                } catch (Throwable t) {
                    failure = t;
                } finally {
                    done.addAndGet(share);
                }
            }
        }
    }

    /**
     * How many units a worker takes at once: half of an even share of what is left. So a worker reads long stretches of
     * memory from end to end, and all end at about the same time (Polychronopoulos and Kuck, "Guided self-scheduling",
     * 1987).
     */
    private int share(long ticket) {
        long left = ((ticket >>> UNIT_BITS) & UNIT_MASK) - (ticket & UNIT_MASK);
        return (int) Math.max(1, left / (2L * workers()));
    }

    private void work(int worker) {
        while (!closed) {
            takeUnits(worker);
            awaitUnits(worker);
        }
    }

    private void awaitUnits(int worker) {
        for (int waits = 0; waits < SPINS + YIELDS; waits++) {
            if (hasUnits(ticket) || closed) {
                return;
            }
            pause(waits);
        }
        PARKED.setVolatile(parked, worker - 1, true);
        while (!hasUnits(ticket) && !closed) {
            LockSupport.park(this);
        }
        PARKED.setVolatile(parked, worker - 1, false);
    }

    /** Stops the threads and waits for them. Idempotent; not while a task runs. */
    @Override
    public void close() {
        closed = true;
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
