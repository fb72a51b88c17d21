package io.github.rwkv4j.engine.state;

import static io.github.rwkv4j.engine.state.Entries.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DiskStateStoreTest extends StateStoreContract {
    private static final StateLimits PLENTY = StateLimits.ofBytes(1 << 20);

    @TempDir
    private Path folder;

    @Override
    protected StateStore open(StateLimits limits, InstantSource clock) {
        return open(limits, clock, StateFiles.SYSTEM);
    }

    private StateStore open(StateLimits limits, InstantSource clock, StateFiles files) {
        return new DiskStateStore(folder.resolve("states"), limits, clock, files);
    }

    private StateEntry save(StateStore store, String conversation, byte[] data) {
        now = now.plusMillis(10);
        StateEntry entry = Entries.entry("tenant", conversation, now, data);
        store.save(entry, data);
        return entry;
    }

    @Test
    void findsEverythingAfterItWasOpenedAgain() {
        byte[] data = bytes(1000);
        StateEntry entry;
        try (StateStore store = open(PLENTY, () -> now)) {
            entry = save(store, "c", data);
            save(store, "d", bytes(10));
        }
        try (StateStore store = open(PLENTY, () -> now)) {
            assertThat(store.find("tenant", entry.id())).hasValue(data);
            assertThat(store.findByPrefix("tenant", List.of(entry.prefix()))).hasValue(entry);
            assertThat(store.usage()).isEqualTo(new StateStore.Usage(2, 1010));
            assertThat(store.deleteConversation("tenant", "c")).isEqualTo(1);
        }
        try (StateStore store = open(PLENTY, () -> now)) {
            assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 10));
        }
    }

    @Test
    void remembersWhatWasUsedLast() {
        StateEntry first;
        StateEntry second;
        try (StateStore store = open(StateLimits.ofBytes(1000), () -> now)) {
            first = save(store, "1", bytes(400));
            second = save(store, "2", bytes(400));
            now = now.plusSeconds(10_000_000_000L);
            assertThat(store.find("tenant", first.id())).isPresent();
        }
        try (StateStore store = open(StateLimits.ofBytes(1000), () -> now)) {
            save(store, "3", bytes(400));
            assertThat(store.find("tenant", second.id())).isEmpty();
            assertThat(store.find("tenant", first.id())).isPresent();
        }
        try (StateStore store = open(StateLimits.ofBytes(399), () -> now)) {
            assertThat(store.usage()).isEqualTo(new StateStore.Usage(0, 0));
        }
        assertThat(stateFiles()).isEmpty();
    }

    @Test
    void clearsAwayWhatWasLeftHalfWrittenOrIsDamaged() throws IOException {
        StateEntry whole;
        Path damaged;
        try (StateStore store = open(PLENTY, () -> now)) {
            StateEntry entry = save(store, "c", bytes(1000));
            damaged = stateFiles().getFirst();
            byte[] bytes = Files.readAllBytes(damaged);
            bytes[bytes.length / 2] ^= 1;
            Files.write(damaged, bytes);
            whole = save(store, "c", bytes(500));
            // Found while it is open: answered by reading the history, not by an error.
            assertThat(store.find("tenant", entry.id())).isEmpty();
            assertThat(damaged).doesNotExist();
            Files.write(damaged, bytes);
        }
        Files.write(damaged.resolveSibling("x.state.part"), bytes(5));
        Files.write(damaged.resolveSibling("y.state"), new byte[0]);
        try (StateStore store = open(PLENTY, () -> now)) {
            assertThat(store.list("tenant")).containsExactly(whole);
        }
        assertThat(damaged.getParent()).isDirectoryNotContaining("glob:**.part");
        assertThat(stateFiles()).hasSize(1);
    }

    @Test
    void lendsItsDirectoryToOneStoreAtATime() {
        try (StateStore _ = open(PLENTY, () -> now)) {
            assertThatThrownBy(() -> open(PLENTY, () -> now))
                    .isInstanceOf(StateStoreException.class)
                    .hasMessageContaining("is used by another store");
        }
        open(PLENTY, () -> now).close();
    }

    @Test
    void saysThatTheDirectoryIsAFile() throws IOException {
        Files.writeString(folder.resolve("states"), "precious");
        assertThatThrownBy(() -> open(PLENTY, () -> now))
                .isInstanceOf(StateStoreException.class)
                .hasMessageContaining("could not be made");
        assertThat(folder.resolve("states")).hasContent("precious");
    }

    /**
     * Whatever failed in between, after a power cut every state is there whose save was acknowledged, none is whose deletion
     * was, and of those that failed each is there whole or not at all.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void losesNothingAcknowledgedToAFailingDiskOrAPowerCut(long seed) throws IOException {
        Map<StateEntry, byte[]> tried = new HashMap<>();
        Set<StateEntry> acknowledged = new HashSet<>();
        Set<StateEntry> deleted = new HashSet<>();
        int failed = 0;
        for (int boot = 0; boot < 5; boot++) {
            FaultyFiles disk = new FaultyFiles(10 * seed + boot);
            try (StateStore store = open(StateLimits.ofBytes(1 << 24), () -> now, disk)) {
                Set<StateEntry> found = Set.copyOf(store.list("tenant"));
                assertThat(found).containsAll(acknowledged).noneMatch(deleted::contains);
                acknowledged.addAll(found);
                disk.fail(20);
                for (int i = 0; i < 40; i++) {
                    byte[] data = bytes(1 + 97 * i);
                    now = now.plusMillis(1);
                    StateEntry entry = Entries.entry("tenant", "c" + i % 3, now, data);
                    tried.put(entry, data);
                    try {
                        store.save(entry, data);
                        acknowledged.add(entry);
                        if (i % 5 == 0) {
                            acknowledged.remove(entry);
                            assertThat(store.delete("tenant", entry.id())).isTrue();
                            deleted.add(entry);
                        }
                    } catch (StateStoreException e) {
                        assertThat(e).message().containsAnyOf("could not be saved", "could not be cleared");
                        failed++;
                        if (store.list("tenant").contains(entry)) {
                            // Its deletion failed.
                            acknowledged.add(entry);
                        }
                    }
                }
                disk.fail(0);
                assertHolds(store, tried, acknowledged);
            }
            disk.cutPower();
        }
        try (StateStore store = open(StateLimits.ofBytes(1 << 24), () -> now)) {
            List<StateEntry> left = store.list("tenant");
            assertThat(left).containsAll(acknowledged).noneMatch(deleted::contains);
            assertHolds(store, tried, left);
        }
        assertThat(failed).isBetween(20, 180);
        assertThat(deleted).hasSizeGreaterThan(5);
    }

    private static void assertHolds(StateStore store, Map<StateEntry, byte[]> data, Collection<StateEntry> expected) {
        expected.forEach(
                entry -> assertThat(store.find(entry.tenant(), entry.id())).hasValue(data.get(entry)));
        assertThat(store.list("tenant")).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(store.usage())
                .isEqualTo(new StateStore.Usage(
                        expected.size(),
                        expected.stream().mapToLong(StateEntry::bytes).sum()));
    }

    /** What a failing disk keeps still counts, and can be deleted when the disk has recovered. */
    @Test
    void keepsCountOfWhatItCouldNotDelete() {
        FaultyFiles disk = new FaultyFiles(1);
        try (StateStore store = open(StateLimits.ofBytes(1000), () -> now, disk)) {
            StateEntry first = save(store, "c", bytes(600));
            disk.fail(100);
            assertThatThrownBy(() -> save(store, "d", bytes(600)))
                    .isInstanceOf(StateStoreException.class)
                    .hasMessageContaining("could not be cleared");
            assertThatThrownBy(() -> store.deleteConversation("tenant", "c")).isInstanceOf(StateStoreException.class);
            assertThat(store.list("tenant")).containsExactly(first);
            assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 600));
            disk.fail(0);
            assertThat(store.deleteConversation("tenant", "c")).isEqualTo(1);
            save(store, "d", bytes(1000));
            assertThat(store.usage()).isEqualTo(new StateStore.Usage(1, 1000));
        }
    }

    /** Ten thousand conversations under a cap that holds half of them; {@code -Drwkv.cap=1000000000} makes it 1 GB. */
    @Test
    void keepsTheMostRecentOfManyConversations() {
        int cap = Integer.getInteger("rwkv.cap", 1_000_000);
        byte[] data = bytes(cap / 5000);
        StateFiles unsynced = new StateFiles() {
            @Override
            public void write(Path file, byte[] content) throws IOException {
                Files.write(file, content);
            }

            @Override
            public void sync(Path directory) {}
        };
        StateEntry[] entries = new StateEntry[10_000];
        try (StateStore store = open(StateLimits.ofBytes(cap), () -> now, unsynced)) {
            StateEntry faithful = save(store, "faithful", data);
            for (int i = 0; i < entries.length; i++) {
                entries[i] = save(store, "c" + i, data);
                assertThat(store.usage().bytes()).isLessThanOrEqualTo(cap);
                if (i % 500 == 0) {
                    assertThat(store.find("tenant", faithful.id())).isPresent();
                }
            }
            assertThat(stateFiles()).hasSize(5000);
        }
        try (StateStore store = open(StateLimits.ofBytes(cap), () -> now, unsynced)) {
            for (int i = 0; i < entries.length; i++) {
                assertThat(store.find("tenant", entries[i].id()).isPresent())
                        .as("conversation %d", i)
                        .isEqualTo(i >= entries.length - 4999);
            }
        }
    }

    private List<Path> stateFiles() {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(".state")).toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
