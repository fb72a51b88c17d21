package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Of what a session is continued, and of what not. */
@Timeout(120)
class SessionSnapshotTest {
    private static final RwkvOptions OPTIONS =
            RwkvOptions.builder().threads(2).prefillRows(16).maxSessions(8).build();

    @TempDir
    private Path directory;

    private Path small(String name, long seed) {
        return RandomModel.small(2, 64, 32).write(directory.resolve(name), seed);
    }

    @Test
    void refusesTheSnapshotOfAnotherModel() {
        Path file = small("one.safetensors", 1);
        try (Rwkv one = Rwkv.open(file, OPTIONS);
                Rwkv same = Rwkv.open(file, OPTIONS);
                Rwkv other = Rwkv.open(small("other.safetensors", 2), OPTIONS);
                Session session = one.newSession()) {
            session.feed(1, 2, 3);
            Snapshot snapshot = session.snapshot();
            assertThat(same.fingerprint()).isEqualTo(one.fingerprint()).matches("[0-9a-f]{64}");
            same.newSession(snapshot).close();
            assertThatThrownBy(() -> other.newSession(snapshot))
                    .isInstanceOf(SnapshotException.class)
                    .hasMessageContaining("belongs to another model");
            Snapshot cut = new Snapshot(
                    one.fingerprint(), 3, OptionalInt.empty(), snapshot.history(), new float[5], new byte[0]);
            assertThatThrownBy(() -> one.newSession(cut))
                    .isInstanceOf(SnapshotException.class)
                    .hasMessageContaining("it has 5 numbers, but a state of this model has");
        }
    }

    @Test
    void refusesASnapshotWhileARequestRuns() throws Exception {
        try (Rwkv model = Rwkv.open(small("m.safetensors", 1), OPTIONS);
                Session session = model.newSession()) {
            Generation running = session.generate(
                    GenerationRequest.builder().prompt(1).maxTokens(100_000_000).build(), new RecordingListener());
            assertThatThrownBy(session::snapshot)
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("The session is busy");
            running.cancel();
            running.await();
            assertThat(session.snapshot().position()).isEqualTo(session.position());
        }
    }
}
