package io.github.rwkv4j.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.SnapshotException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

class SnapshotStoreTest {
    private final MemoryStateStore store = new MemoryStateStore(StateLimits.ofBytes(1 << 20));
    private final SnapshotStore clear = new SnapshotStore(store, SnapshotOptions.DEFAULT);
    private final SnapshotStore sealed = sealedWith("sixteen bytes ok");

    private SnapshotStore sealedWith(String key) {
        SecretKeySpec aes = new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "AES");
        return new SnapshotStore(store, new SnapshotOptions(SnapshotCodec.Encoding.FP32, Optional.of(aes)));
    }

    private static Snapshot snapshot(long position) {
        return new Snapshot(
                Entries.hex(32),
                position,
                OptionalInt.empty(),
                Entries.hex(32),
                new float[] {1, 2},
                "a secret".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void findsBySavedIdAndByHistory() {
        Snapshot snapshot = snapshot(5);
        StateEntry entry = clear.save("a", "c", snapshot);
        assertThat(entry.id()).matches("[0-9a-f]{32}");
        assertThat(entry.position()).isEqualTo(5);
        assertThat(clear.find("a", entry.id()).orElseThrow().state()).containsExactly(1, 2);
        assertThat(clear.findByPrefix("a", List.of(Entries.hex(32), snapshot.history())))
                .isPresent();
        assertThat(clear.findByPrefix("b", List.of(snapshot.history()))).isEmpty();
        assertThat(clear.save("a", "c", snapshot).id()).isNotEqualTo(entry.id());
    }

    @Test
    void findsWhatIsPublicIfItIsLonger() {
        Snapshot shared = snapshot(10);
        Snapshot own = snapshot(5);
        Snapshot longer = snapshot(20);
        clear.save(SnapshotStore.PUBLIC, "warm", shared);
        clear.save("a", "c", own);
        List<String> histories = List.of(longer.history(), shared.history(), own.history());
        assertThat(clear.findByPrefix("a", histories).orElseThrow().position()).isEqualTo(10);
        clear.save("a", "c", longer);
        assertThat(clear.findByPrefix("a", histories).orElseThrow().position()).isEqualTo(20);
        assertThat(clear.findByPrefix("b", histories).orElseThrow().position()).isEqualTo(10);
    }

    @Test
    void sealsWithAKey() {
        Snapshot snapshot = snapshot(5);
        StateEntry entry = sealed.save("a", "c", snapshot);
        byte[] data = store.find("a", entry.id()).orElseThrow();
        assertThat(new String(data, StandardCharsets.ISO_8859_1)).doesNotContain("a secret");
        assertThat(sealed.find("a", entry.id()).orElseThrow().note()).isEqualTo(snapshot.note());

        assertThatThrownBy(() -> clear.find("a", entry.id()))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("is encrypted, but the store has no key");
        assertThatThrownBy(() -> sealedWith("another 16 bytes").find("a", entry.id()))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("sealed with another key or for another tenant");
        StateEntry open = clear.save("a", "c", snapshot);
        assertThatThrownBy(() -> sealed.find("a", open.id()))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("is not encrypted, but the store has a key");
    }

    /** Whoever can write to the store can't give one tenant's past to another. */
    @Test
    void doesNotOpenWhatWasMovedOrChanged() {
        StateEntry entry = sealed.save("a", "c", snapshot(5));
        byte[] data = store.find("a", entry.id()).orElseThrow();
        StateEntry moved =
                new StateEntry("b", entry.id(), "c", entry.prefix(), entry.position(), entry.created(), data.length);
        store.save(moved, data);
        assertThatThrownBy(() -> sealed.find("b", entry.id())).isInstanceOf(SnapshotException.class);

        byte[] changed = data.clone();
        changed[changed.length - 1] ^= 1;
        StateEntry tampered = Entries.entry("a", "c", entry.created(), changed);
        store.save(tampered, changed);
        assertThatThrownBy(() -> sealed.find("a", tampered.id())).isInstanceOf(SnapshotException.class);
    }

    @Test
    void neverPrintsItsKey() {
        SecretKeySpec key = new SecretKeySpec(new byte[16], "AES");
        assertThat(new SnapshotOptions(SnapshotCodec.Encoding.FP16, Optional.of(key)))
                .hasToString("SnapshotOptions[encoding=FP16, encrypted=true]");
    }
}
