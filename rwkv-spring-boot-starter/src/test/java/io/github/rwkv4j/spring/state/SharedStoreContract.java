package io.github.rwkv4j.spring.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import io.github.rwkv4j.engine.state.StateStoreContract;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What stores promise that several replicas share, each replica being one store of its own over the same server. */
abstract class SharedStoreContract extends StateStoreContract {
    static final StateLimits UNLIMITED = StateLimits.ofBytes(Long.MAX_VALUE);

    /** One more replica's store over this test's data, which is empty at first. */
    abstract StateStore replica(StateLimits limits, InstantSource clock);

    final StateStore replica(StateLimits limits) {
        return replica(limits, InstantSource.system());
    }

    @Override
    protected StateStore open(StateLimits limits, InstantSource clock) {
        return replica(limits, clock);
    }

    @Test
    void findsWhatAnotherReplicaSaved() {
        StateStore one = replica(UNLIMITED);
        StateStore other = replica(UNLIMITED);
        byte[] data = bytes(100_000, 1);
        StateEntry entry = entry("Ada's: {tenant}/ 1", "a:conversation", data);

        one.save(entry, data);

        assertThat(other.find(entry.tenant(), entry.id())).hasValue(data);
        assertThat(other.list(entry.tenant())).containsExactly(entry);
        assertThat(other.findByPrefix(entry.tenant(), List.of("f".repeat(64), entry.prefix())))
                .hasValue(entry);
        assertThat(other.delete(entry.tenant(), entry.id())).isTrue();
        assertThat(one.find(entry.tenant(), entry.id())).isEmpty();
        assertThat(one.usage()).isEqualTo(new StateStore.Usage(0, 0));
    }

    @Test
    void keepsTenantsApartWhoseNamesLookAlike() {
        StateStore store = replica(UNLIMITED);
        byte[] data = bytes(10, 1);
        StateEntry entry = entry("a", "b/c", data);
        store.save(entry, data);

        assertThat(store.deleteConversation("a/b", "c")).isZero();
        assertThat(store.list("a/b")).isEmpty();
        assertThat(store.findByPrefix("", List.of(entry.prefix()))).isEmpty();
        assertThat(store.list("a")).containsExactly(entry);
    }

    @Test
    void writesAStateOnceForAllReplicas() {
        StateStore one = replica(UNLIMITED);
        StateStore other = replica(UNLIMITED);
        byte[] data = bytes(10, 1);
        StateEntry entry = entry("", "c", data);
        one.save(entry, data);

        assertThatThrownBy(() -> other.save(entry, bytes(10, 2)))
                .isInstanceOf(StateStoreException.class)
                .hasMessageContaining("exists; states are written once");
        assertThat(one.find("", entry.id())).hasValue(data);
        assertThat(one.usage()).isEqualTo(new StateStore.Usage(1, 10));
    }

    @Test
    void findsTheLongestPrefixAmongThousands() {
        StateStore store = replica(UNLIMITED);
        byte[] data = bytes(10, 1);
        List<String> prefixes =
                Stream.generate(SharedStoreContract::hash).limit(3000).toList();
        store.save(entry("", "c", prefixes.get(2999), data), data);
        StateEntry longest = entry("", "c", prefixes.get(1234), data);
        store.save(longest, data);

        assertThat(store.findByPrefix("", prefixes)).hasValue(longest);
    }

    @Test
    void holdsOneLimitTogetherWhileAllSaveAndDelete() throws Exception {
        long most = 40_000;
        StateLimits limits = new StateLimits(most, Optional.of(20_000L), Optional.of(Duration.ofHours(1)));
        List<StateStore> replicas = List.of(replica(limits), replica(limits));
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (int i = 0; i < 8; i++) {
                int thread = i;
                running.add(threads.submit(() -> useAndCheck(replicas.get(thread % 2), thread, most)));
            }
        }

        for (Future<?> done : running) {
            done.get();
        }
        StateStore.Usage usage = replicas.getFirst().usage();
        List<StateEntry> entries = Stream.of("t0", "t1", "t2")
                .flatMap(tenant -> replicas.getLast().list(tenant).stream())
                .toList();
        assertThat(usage.bytes()).isPositive().isLessThanOrEqualTo(most);
        assertThat(usage)
                .isEqualTo(new StateStore.Usage(
                        entries.size(),
                        entries.stream().mapToLong(StateEntry::bytes).sum()));
    }

    private static void useAndCheck(StateStore store, int thread, long most) {
        Random random = new Random(thread);
        List<StateEntry> saved = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            byte[] data = bytes(1 + random.nextInt(5_000), random.nextInt());
            StateEntry entry = entry("t" + random.nextInt(3), "c" + random.nextInt(3), data);
            store.save(entry, data);
            store.find(entry.tenant(), entry.id())
                    .ifPresent(found -> assertThat(found).isEqualTo(data));
            assertThat(store.usage().bytes()).isLessThanOrEqualTo(most);
            switch (random.nextInt(8)) {
                case 0 -> store.delete(entry.tenant(), entry.id());
                case 1 -> store.deleteConversation(entry.tenant(), "c" + random.nextInt(3));
                default -> {} // let it grow
            }
        }
    }

    @Test
    void lowersItsLimitWithTheNextSave() {
        StateStore generous = replica(UNLIMITED);
        byte[] data = bytes(10, 1);
        List<StateEntry> saved = new ArrayList<>();
        for (int i = 0; i < 2500; i++) {
            saved.add(entry("", "c" + i, data));
            generous.save(saved.getLast(), data);
        }
        StateEntry last = entry("", "last", data);
        replica(StateLimits.ofBytes(100)).save(last, data);

        assertThat(generous.usage()).isEqualTo(new StateStore.Usage(10, 100));
        assertThat(generous.list("")).contains(last, saved.getLast()).doesNotContain(saved.get(2490));
    }

    static byte[] bytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    static StateEntry entry(String tenant, String conversation, byte[] data) {
        return entry(tenant, conversation, hash(), data);
    }

    static StateEntry entry(String tenant, String conversation, String prefix, byte[] data) {
        Instant created = Instant.parse("2026-01-02T03:04:05.678901Z").plus(Duration.ofDays(36_500));
        return new StateEntry(tenant, hash().substring(32), conversation, prefix, 7, created, data.length);
    }

    static String hash() {
        return Stream.generate(UUID::randomUUID)
                .limit(2)
                .map(random -> random.toString().replace("-", ""))
                .reduce("", String::concat);
    }
}
