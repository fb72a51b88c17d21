package io.github.rwkv4j.spring.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a store promises besides when its server is another process, which can go away and come back. */
abstract class RealServerContract extends SharedStoreContract {
    abstract RealServer server();

    @Test
    @Timeout(120)
    void findsEverythingAgainWhenTheServerIsBack() throws InterruptedException {
        byte[] data = bytes(1_000_000, 1);
        StateEntry entry = entry("", "c", data);
        try (StateStore store =
                new ResilientStateStore(replica(UNLIMITED), Duration.ofSeconds(2), Duration.ofMillis(200))) {
            store.save(entry, data);

            server().kill();
            try {
                for (int i = 0; i < 5; i++) {
                    assertThatThrownBy(() -> store.find("", entry.id())).isInstanceOf(StateStoreException.class);
                    assertThatThrownBy(() -> store.save(entry("", "c", data), data))
                            .isInstanceOf(StateStoreException.class);
                }
            } finally {
                server().start();
            }

            assertThat(patiently(store, entry)).hasValue(data);
            assertThat(store.usage().bytes()).isGreaterThanOrEqualTo(data.length);
        }
    }

    /** What the store finds as soon as it can be asked again. */
    private static Optional<byte[]> patiently(StateStore store, StateEntry entry) throws InterruptedException {
        Instant end = Instant.now().plusSeconds(60);
        while (true) {
            try {
                return store.find(entry.tenant(), entry.id());
            } catch (StateStoreException e) {
                assertThat(Instant.now()).as(e.getMessage()).isBefore(end);
                Thread.sleep(100);
            }
        }
    }
}
