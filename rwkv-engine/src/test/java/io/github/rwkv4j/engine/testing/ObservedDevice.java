package io.github.rwkv4j.engine.testing;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.cpu.CpuCompute;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntFunction;

/** The CPU device, with its operations counted, and each step held or failed at its beginning where a test says so. */
public final class ObservedDevice implements IntFunction<Compute> {
    /** One pass of a batch through the model. */
    public record Step(int rows, int sessions) {}

    private record Gate(CountDownLatch arrived, CountDownLatch opened) {
        Gate(int closed) {
            this(new CountDownLatch(closed), new CountDownLatch(closed));
        }
    }

    private final LongAdder multiplications = new LongAdder();
    private final List<Step> steps = new CopyOnWriteArrayList<>();
    private final List<State> states = new CopyOnWriteArrayList<>();
    private final List<float[]> rowsRead = new CopyOnWriteArrayList<>();
    private final Queue<RuntimeException> failures = new ConcurrentLinkedQueue<>();
    private volatile Gate gate = new Gate(0);
    private Optional<Compute> cpu = Optional.empty();

    /** Makes the device; for one model. */
    @Override
    public Compute apply(int threads) {
        Compute real = new CpuCompute(threads);
        cpu = Optional.of(real);
        return (Compute) Proxy.newProxyInstance(
                Compute.class.getClassLoader(),
                new Class<?>[] {Compute.class},
                (_, method, arguments) -> observe(real, method, arguments));
    }

    private Object observe(Compute real, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "multiply" -> multiplications.increment();
            case "embed" -> enterStep((Batch) arguments[0]);
            default -> {}
        }
        Object result;
        try {
            result = method.invoke(real, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        if (method.getName().equals("newState")) {
            states.add((State) result);
        } else if (method.getName().equals("read") && arguments[0] instanceof Buffer) {
            rowsRead.add(((float[]) arguments[2]).clone());
        }
        return result;
    }

    private void enterStep(Batch batch) throws InterruptedException {
        steps.add(new Step(batch.rows(), batch.sessions()));
        Gate passed = gate;
        passed.arrived.countDown();
        passed.opened.await();
        RuntimeException failure = failures.poll();
        if (failure != null) {
            throw failure;
        }
    }

    /** From now on steps wait at their beginning until {@link #open}. */
    public void hold() {
        gate = new Gate(1);
    }

    /** Waits until a step waits. */
    public void awaitHeldStep() throws InterruptedException {
        gate.arrived.await();
    }

    /** Lets steps go on. */
    public void open() {
        Gate held = gate;
        gate = new Gate(0);
        held.opened.countDown();
    }

    /** The next step throws this. */
    public void failNextStep(RuntimeException thrown) {
        failures.add(thrown);
    }

    /** Calls of {@code multiply} so far. */
    public long multiplications() {
        return multiplications.sum();
    }

    /** All steps so far. */
    public List<Step> steps() {
        return List.copyOf(steps);
    }

    /** Rows of buffers that were copied to the host so far: logits or features. */
    public List<float[]> rowsRead() {
        return List.copyOf(rowsRead);
    }

    /** States that were made and not freed; only while no step runs. */
    public long liveStates() {
        return states.stream().filter(this::isAlive).count();
    }

    private boolean isAlive(State state) {
        try {
            cpu.orElseThrow().read(state, 0, new float[1]);
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }
}
