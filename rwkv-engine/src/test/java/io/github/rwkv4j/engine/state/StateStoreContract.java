package io.github.rwkv4j.engine.state;

import static io.github.rwkv4j.engine.state.Entries.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What every store promises. */
public abstract class StateStoreContract {
    private static final StateLimits PLENTY = StateLimits.ofBytes(1 << 20);

    private final List<StateStore> opened = new ArrayList<>();

    /** The time, which tests move. */
    protected Instant now = Instant.parse("2026-01-01T00:00:00Z");

    /** An empty store. */
    protected abstract StateStore open(StateLimits limits, InstantSource clock) throws Exception;

    private StateStore open(StateLimits limits) throws Exception {
        StateStore store = open(limits, () -> now);
        opened.add(store);
        return store;
    }

    @AfterEach
    void closeStores() {
        opened.forEach(StateStore::close);
    }

    /** Saves a state a little later than the last one. */
    private StateEntry save(StateStore store, String tenant, String conversation, byte[] data) {
        now = now.plusMillis(10);
        StateEntry entry = Entries.entry(tenant, conversation, now, data);
        store.save(entry, data);
        return entry;
    }

    @Test
    void findsWhatWasSavedByIdAndByPrefix() throws Exception {
        StateStore store = open(PLENTY);
        byte[] data = bytes(1000);
        StateEntry entry = save(store, "Ada Ω/../..", "c:1", data);
        assertThat(store.find(entry.tenant(), entry.id())).hasValue(data);
        assertThat(store.findByPrefix(entry.tenant(), List.of(Entries.hex(32), entry.prefix())))
                .hasValue(entry);
        assertThat(store.list(entry.tenant())).containsExactly(entry);
        assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 1000));
    }

    @Test
    void findsNothingElse() throws Exception {
        StateStore store = open(PLENTY);
        StateEntry entry = save(store, "a", "c", bytes(10));
        assertThat(store.find("a", Entries.hex(16))).isEmpty();
        assertThat(store.find("b", entry.id())).isEmpty();
        assertThat(store.findByPrefix("b", List.of(entry.prefix()))).isEmpty();
        assertThat(store.findByPrefix("a", List.of())).isEmpty();
        assertThat(store.list("b")).isEmpty();
        assertThat(store.delete("b", entry.id())).isFalse();
        assertThat(store.deleteConversation("b", "c")).isZero();
        assertThat(store.find("a", entry.id())).isPresent();
    }

    @Test
    void findsTheFirstOfThePrefixes() throws Exception {
        StateStore store = open(PLENTY);
        StateEntry shorter = save(store, "a", "c", bytes(10));
        StateEntry longer = save(store, "a", "c", bytes(10));
        assertThat(store.findByPrefix("a", List.of(longer.prefix(), shorter.prefix())))
                .hasValue(longer);
        store.delete("a", longer.id());
        assertThat(store.findByPrefix("a", List.of(longer.prefix(), shorter.prefix())))
                .hasValue(shorter);
    }

    @Test
    void writesAStateOnce() throws Exception {
        StateStore store = open(PLENTY);
        byte[] data = bytes(10);
        StateEntry entry = save(store, "a", "c", data);
        assertThatThrownBy(() -> store.save(entry, bytes(10)))
                .isInstanceOf(StateStoreException.class)
                .hasMessageContaining("exists; states are written once");
        assertThat(store.find("a", entry.id())).hasValue(data);
        assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 10));
    }

    @Test
    void letsTheLeastRecentlyUsedGo() throws Exception {
        StateStore store = open(StateLimits.ofBytes(1000));
        StateEntry first = save(store, "a", "1", bytes(400));
        StateEntry second = save(store, "b", "2", bytes(400));
        now = now.plusMillis(10);
        assertThat(store.find("a", first.id())).isPresent();
        StateEntry third = save(store, "a", "3", bytes(400));
        assertThat(store.find("b", second.id())).isEmpty();
        assertThat(store.findByPrefix("b", List.of(second.prefix()))).isEmpty();
        assertThat(store.find("a", first.id())).isPresent();
        assertThat(store.find("a", third.id())).isPresent();
        assertThat(store.usage()).isEqualTo(new StateStore.Usage(2, 800));
    }

    @Test
    void letsTheOldestOfAConversationGoAboveItsQuota() throws Exception {
        StateStore store = open(new StateLimits(10_000, Optional.of(1000L), Optional.empty()));
        StateEntry other = save(store, "a", "other", bytes(900));
        StateEntry namesake = save(store, "b", "c", bytes(900));
        StateEntry first = save(store, "a", "c", bytes(400));
        StateEntry second = save(store, "a", "c", bytes(400));
        StateEntry third = save(store, "a", "c", bytes(400));
        assertThat(store.find("a", first.id())).isEmpty();
        assertThat(store.list("a")).containsExactly(third, second, other);
        assertThat(store.list("b")).containsExactly(namesake);
    }

    @Test
    void refusesWhatHasNoRoomAndKeepsTheRest() throws Exception {
        StateStore store = open(StateLimits.ofBytes(1000));
        StateEntry kept = save(store, "a", "c", bytes(900));
        assertThatThrownBy(() -> save(store, "a", "c", bytes(1001)))
                .isInstanceOf(StateStoreException.class)
                .hasMessageContaining("A state of 1,001 bytes has no room in a store that keeps at most 1,000");
        assertThat(store.find("a", kept.id())).isPresent();
    }

    @Test
    void forgetsWhatIsTooOld() throws Exception {
        StateStore store = open(new StateLimits(10_000, Optional.empty(), Optional.of(Duration.ofHours(1))));
        StateEntry entry = save(store, "a", "c", bytes(10));
        now = now.plus(Duration.ofMinutes(59));
        assertThat(store.find("a", entry.id())).isPresent();
        now = now.plus(Duration.ofMinutes(2));
        assertThat(store.find("a", entry.id())).isEmpty();
        assertThat(store.findByPrefix("a", List.of(entry.prefix()))).isEmpty();
        assertThat(store.list("a")).isEmpty();
        save(store, "a", "c", bytes(10));
        assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 10));
    }

    @Test
    void deletesAConversationWithAllItHas() throws Exception {
        StateStore store = open(PLENTY);
        save(store, "a", "c", bytes(10));
        StateEntry second = save(store, "a", "c", bytes(10));
        StateEntry other = save(store, "a", "d", bytes(10));
        assertThat(store.deleteConversation("a", "c")).isEqualTo(2);
        assertThat(store.find("a", second.id())).isEmpty();
        assertThat(store.list("a")).containsExactly(other);
        assertThat(store.delete("a", other.id())).isTrue();
        assertThat(store.usage()).isEqualTo(new StateStore.Usage(0, 0));
    }

    @Test
    void staysWithinItsLimitWhileManyThreadsSave() throws Exception {
        StateStore store = open(StateLimits.ofBytes(20_000));
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < 8; thread++) {
                String tenant = "t" + thread % 3;
                running.add(threads.submit(() -> IntStream.range(0, 50).forEach(i -> {
                    byte[] data = bytes(100 + 31 * i);
                    StateEntry entry = Entries.entry(tenant, "c" + i % 5, now, data);
                    store.save(entry, data);
                    store.find(tenant, entry.id())
                            .ifPresent(found -> assertThat(found).isEqualTo(data));
                    assertThat(store.usage().bytes()).isLessThanOrEqualTo(20_000);
                    if (i % 10 == 0) {
                        store.deleteConversation(tenant, "c" + i % 5);
                    }
                })));
            }
            for (Future<?> done : running) {
                done.get();
            }
        }
        List<StateEntry> left = IntStream.range(0, 3)
                .mapToObj(i -> store.list("t" + i))
                .flatMap(List::stream)
                .toList();
        assertThat(store.usage())
                .isEqualTo(new StateStore.Usage(
                        left.size(), left.stream().mapToLong(StateEntry::bytes).sum()));
    }
}
