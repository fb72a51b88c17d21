package io.github.rwkv4j.spring.state;

import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A store on another machine whose absence costs little: a call ends after a time limit, and after two of four calls that
 * failed the store is not asked for a while. Every refusal is a {@link StateStoreException}, upon which a chat goes on by
 * feeding its history.
 *
 * <p>A save that took too long may still reach the store; nobody knows its id, and it makes room like others.
 */
public final class ResilientStateStore implements StateStore {
    private final StateStore store;
    private final Duration timeout;
    private final Duration pause;
    private final CircuitBreaker breaker;
    private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();

    /**
     * @param timeout how long a call may take
     * @param pause how long the store is left alone after it failed
     */
    public ResilientStateStore(StateStore store, Duration timeout, Duration pause) {
        this.store = store;
        this.timeout = timeout;
        this.pause = pause;
        this.breaker = CircuitBreaker.of(
                "rwkv.state",
                CircuitBreakerConfig.custom()
                        .slidingWindowSize(4)
                        .minimumNumberOfCalls(2)
                        .failureRateThreshold(50)
                        .permittedNumberOfCallsInHalfOpenState(1)
                        .waitDurationInOpenState(pause)
                        // Without a cause it is the store's answer, such as that a state is too large.
                        .recordException(error -> error.getCause() != null)
                        .build());
    }

    @Override
    public void save(StateEntry entry, byte[] data) {
        call(() -> {
            store.save(entry, data);
            return true;
        });
    }

    @Override
    public Optional<byte[]> find(String tenant, String id) {
        return call(() -> store.find(tenant, id));
    }

    @Override
    public Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes) {
        return call(() -> store.findByPrefix(tenant, prefixes));
    }

    @Override
    public List<StateEntry> list(String tenant) {
        return call(() -> store.list(tenant));
    }

    @Override
    public boolean delete(String tenant, String id) {
        return call(() -> store.delete(tenant, id));
    }

    @Override
    public int deleteConversation(String tenant, String conversation) {
        return call(() -> store.deleteConversation(tenant, conversation));
    }

    @Override
    public Usage usage() {
        return call(store::usage);
    }

    @Override
    public void close() {
        calls.shutdownNow();
        store.close();
    }

    private <T> T call(Callable<T> call) {
        try {
            return breaker.executeSupplier(() -> withinTime(call));
        } catch (CallNotPermittedException e) {
            throw new StateStoreException(
                    "The store of states failed, and is asked again %s after that".formatted(text(pause)), e);
        }
    }

    private <T> T withinTime(Callable<T> call) {
        Future<T> answer = calls.submit(call);
        try {
            return answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof StateStoreException failure) {
                throw failure;
            }
            throw new StateStoreException("The store of states failed: " + e.getCause(), e);
        } catch (TimeoutException e) {
            throw new StateStoreException("The store of states does not answer within %s".formatted(text(timeout)), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StateStoreException("Interrupted while the store of states was asked");
        } finally {
            answer.cancel(true); // of no effect on one that is done
        }
    }

    private static String text(Duration duration) {
        return duration.toMillis() + " ms";
    }
}
