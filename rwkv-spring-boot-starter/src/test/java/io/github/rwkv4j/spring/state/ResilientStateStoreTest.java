package io.github.rwkv4j.spring.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ResilientStateStoreTest {
    private static final Duration LONG = Duration.ofSeconds(50);

    private final Moody moody = new Moody();

    @Test
    void asksTheStore() {
        try (StateStore store = new ResilientStateStore(moody, LONG, LONG)) {
            assertThat(store.find("", "id")).hasValue(new byte[] {7});
            assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 1));
        }
        assertThat(moody.closed).isTrue();
    }

    @Test
    void leavesAStoreAloneThatFailed() {
        moody.mood = () -> {
            throw new StateStoreException("Gone", new IOException("Connection refused"));
        };
        StateStore store = new ResilientStateStore(moody, LONG, LONG);

        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> store.find("", "id"))
                    .isInstanceOf(StateStoreException.class)
                    .hasMessage("Gone");
        }
        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> store.find("", "id"))
                    .isInstanceOf(StateStoreException.class)
                    .hasMessage("The store of states failed, and is asked again 50000 ms after that");
        }
        assertThat(moody.asked).hasValue(2);
    }

    @Test
    void asksAgainAfterThePause() throws InterruptedException {
        moody.mood = () -> {
            throw new StateStoreException("Gone", new IOException("Connection refused"));
        };
        StateStore store = new ResilientStateStore(moody, LONG, Duration.ofMillis(100));
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> store.find("", "id")).isInstanceOf(StateStoreException.class);
        }

        moody.mood = () -> {};
        Thread.sleep(150);

        assertThat(store.find("", "id")).hasValue(new byte[] {7});
    }

    @Test
    void waitsNoLongerThanAllowed() throws InterruptedException {
        CountDownLatch interrupted = new CountDownLatch(1);
        moody.mood = () -> {
            try {
                Thread.sleep(LONG);
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
        };
        StateStore store = new ResilientStateStore(moody, Duration.ofMillis(50), LONG);

        assertThatThrownBy(() -> store.find("", "id"))
                .isInstanceOf(StateStoreException.class)
                .hasMessage("The store of states does not answer within 50 ms");
        interrupted.await();
    }

    @Test
    void takesARefusalForAnAnswer() {
        moody.mood = () -> {
            throw new StateStoreException("Too large");
        };
        StateStore store = new ResilientStateStore(moody, LONG, LONG);

        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> store.find("", "id")).hasMessage("Too large");
        }
        assertThat(moody.asked).hasValue(10);
    }

    private static final class Moody implements StateStore {
        private final AtomicInteger asked = new AtomicInteger();
        private volatile Runnable mood = () -> {};
        private volatile boolean closed;

        @Override
        public Optional<byte[]> find(String tenant, String id) {
            asked.incrementAndGet();
            mood.run();
            return Optional.of(new byte[] {7});
        }

        @Override
        public Usage usage() {
            return new Usage(1, 1);
        }

        @Override
        public void close() {
            closed = true;
        }

        @Override
        public void save(StateEntry entry, byte[] data) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes) {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<StateEntry> list(String tenant) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean delete(String tenant, String id) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int deleteConversation(String tenant, String conversation) {
            throw new UnsupportedOperationException();
        }
    }
}
