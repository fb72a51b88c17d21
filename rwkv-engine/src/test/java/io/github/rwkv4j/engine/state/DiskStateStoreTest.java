package io.github.rwkv4j.engine.state;

import static io.github.rwkv4j.engine.state.Entries.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

    /** Every save that was acknowledged is there after a power cut, whole, whatever failed in between; and nothing else is. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void losesNothingAcknowledgedToAFailingDiskOrAPowerCut(long seed) throws IOException {
        Map<StateEntry, byte[]> acknowledged = new HashMap<>();
        int failed = 0;
        for (int boot = 0; boot < 5; boot++) {
            FaultyFiles disk = new FaultyFiles(10 * seed + boot);
            try (StateStore store = open(StateLimits.ofBytes(1 << 24), () -> now, disk)) {
                assertHolds(store, acknowledged);
                disk.fail(20);
                for (int i = 0; i < 40; i++) {
                    byte[] data = bytes(1 + 97 * i);
                    now = now.plusMillis(1);
                    StateEntry entry = Entries.entry("tenant", "c" + i % 3, now, data);
                    try {
                        store.save(entry, data);
                        acknowledged.put(entry, data);
                    } catch (StateStoreException e) {
                        assertThat(e).hasMessageContaining("could not be saved");
                        failed++;
                    }
                }
                disk.fail(0);
                assertHolds(store, acknowledged);
            }
            disk.cutPower();
        }
        try (StateStore store = open(StateLimits.ofBytes(1 << 24), () -> now)) {
            assertHolds(store, acknowledged);
        }
        assertThat(failed).isBetween(20, 180);
    }

    private static void assertHolds(StateStore store, Map<StateEntry, byte[]> expected) {
        expected.forEach((entry, data) ->
                assertThat(store.find(entry.tenant(), entry.id())).hasValue(data));
        assertThat(store.list("tenant")).containsExactlyInAnyOrderElementsOf(expected.keySet());
        assertThat(store.usage().states()).isEqualTo(expected.size());
    }

    /** Ten thousand conversations under a cap that holds a tenth of them. */
    @Test
    void keepsTheMostRecentOfManyConversations() {
        try (StateStore store = new MemoryStateStore(StateLimits.ofBytes(1_000_000), () -> now)) {
            StateEntry faithful = save(store, "faithful", bytes(1000));
            StateEntry[] entries = new StateEntry[10_000];
            for (int i = 0; i < entries.length; i++) {
                entries[i] = save(store, "c" + i, bytes(1000));
                assertThat(store.usage().bytes()).isLessThanOrEqualTo(1_000_000);
                if (i % 500 == 0) {
                    assertThat(store.find("tenant", faithful.id())).isPresent();
                }
            }
            for (int i = 0; i < entries.length; i++) {
                assertThat(store.find("tenant", entries[i].id()).isPresent())
                        .as("conversation %d", i)
                        .isEqualTo(i >= entries.length - 999);
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
