package io.github.rwkv4j.engine.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerPoolTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void runsEveryUnitOnce(int workers) {
        try (WorkerPool pool = new WorkerPool(workers)) {
            for (int units : new int[] {0, 1, 2, 7, 100, 1000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(units);
                for (int repeat = 0; repeat < 50; repeat++) {
                    pool.run((unit, worker) -> runs.incrementAndGet(unit), units);
                }
                for (int unit = 0; unit < units; unit++) {
                    assertThat(runs.get(unit)).isEqualTo(50);
                }
            }
        }
    }

    @Test
    void workersNumberedFromZeroNeverShareANumber() {
        try (WorkerPool pool = new WorkerPool(3)) {
            AtomicIntegerArray inside = new AtomicIntegerArray(3);
            AtomicIntegerArray collisions = new AtomicIntegerArray(1);
            pool.run(
                    (unit, worker) -> {
                        if (inside.incrementAndGet(worker) != 1) {
                            collisions.incrementAndGet(0);
                        }
                        Thread.onSpinWait();
                        inside.decrementAndGet(worker);
                    },
                    10_000);
            assertThat(collisions.get(0)).isZero();
        }
    }

    @Test
    void wakesWorkersThatWentToSleep() throws InterruptedException {
        try (WorkerPool pool = new WorkerPool(2)) {
            Thread worker = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("rwkv-worker-1"))
                    .findFirst()
                    .orElseThrow();
            while (worker.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            AtomicIntegerArray runs = new AtomicIntegerArray(64);
            pool.run((unit, _) -> runs.incrementAndGet(unit), 64);
            for (int unit = 0; unit < 64; unit++) {
                assertThat(runs.get(unit)).isEqualTo(1);
            }
        }
    }

    @Test
    void aFailureReachesTheCallerAndThePoolGoesOn() {
        try (WorkerPool pool = new WorkerPool(2)) {
            assertThatThrownBy(() -> pool.run(
                            (unit, _) -> {
                                if (unit == 37) {
                                    throw new IllegalArgumentException("unit 37");
                                }
                            },
                            100))
                    .hasRootCauseMessage("unit 37");
            AtomicIntegerArray runs = new AtomicIntegerArray(10);
            pool.run((unit, _) -> runs.incrementAndGet(unit), 10);
            assertThat(runs.get(9)).isEqualTo(1);
        }
    }

    @Test
    void closingEndsTheThreads() {
        WorkerPool pool = new WorkerPool(4);
        long before = workers();
        pool.close();
        pool.close();
        assertThat(workers()).isEqualTo(before - 3);
    }

    private static long workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("rwkv-worker"))
                .count();
    }
}
