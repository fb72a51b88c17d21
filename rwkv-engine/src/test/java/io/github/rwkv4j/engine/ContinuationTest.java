package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotCodec;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import io.github.rwkv4j.engine.testing.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A session that goes on from a snapshot is the session that it was taken from, bit for bit. */
@Timeout(120)
class ContinuationTest {
    private static final RwkvOptions OPTIONS =
            RwkvOptions.builder().threads(2).prefillRows(16).maxSessions(8).build();

    @TempDir
    private Path directory;

    private Rwkv open(String generation) throws IOException {
        Path vocabulary = directory.resolve("vocab.json");
        Path file = TestData.resource("golden/" + generation + "/model.safetensors");
        // The golden models have no texts: ids are what matters.
        Files.writeString(
                vocabulary,
                IntStream.range(0, 60)
                        .mapToObj(id -> "\"%d\": \"%c\"".formatted(id, 0x4E00 + id))
                        .collect(Collectors.joining(",", "{", "}")));
        return Rwkv.open(
                file,
                RwkvOptions.builder()
                        .threads(2)
                        .prefillRows(16)
                        .maxSessions(8)
                        .vocabulary(vocabulary)
                        .build());
    }

    /** Random cuts, forks, rewinds and generations; after each, all is compared with feeding the whole past again. */
    @ParameterizedTest
    @ValueSource(
            strings = {"v1", "v2", "v2-ffnpre", "v3", "v3-ffnpre", "v4", "v4-ffnpre", "v5.0", "v5.1", "v5.2", "v6", "v7"
            })
    void continuedEqualsReplayed(String generation) throws IOException {
        try (Rwkv model = open(generation)) {
            for (int seed = 0; seed < 4; seed++) {
                new Walk(model, new Random(seed)).run();
            }
        }
    }

    /** One conversation's tokens, whose snapshots are taken and gone back to. */
    private static final class Walk {
        private final Rwkv model;
        private final Random random;
        private final List<byte[]> snapshots = new ArrayList<>();
        private final List<int[]> pasts = new ArrayList<>();
        private Session session;
        private int[] past = {};

        Walk(Rwkv model, Random random) {
            this.model = model;
            this.random = random;
            this.session = model.newSession();
        }

        void run() {
            for (int step = 0; step < 12 && past.length < 45; step++) {
                switch (random.nextInt(5)) {
                    case 0 -> generate();
                    case 1 -> replace(session.fork(), past);
                    case 2 -> rewind();
                    default -> feed();
                }
                keep();
            }
            assertReplayed();
            session.close();
        }

        private void feed() {
            int[] tokens = random.ints(1 + random.nextInt(9), 0, 60).toArray();
            session.feed(tokens);
            past = joined(past, tokens);
        }

        private void generate() {
            int[] prompt = random.ints(1 + random.nextInt(4), 0, 60).toArray();
            int[] drawn =
                    session.generate(greedy(prompt, 1 + random.nextInt(5))).tokens();
            past = joined(past, joined(prompt, drawn));
        }

        private void rewind() {
            if (!snapshots.isEmpty()) {
                int turn = random.nextInt(snapshots.size());
                replace(model.newSession(SnapshotCodec.decode(snapshots.get(turn))), pasts.get(turn));
            }
        }

        private void replace(Session other, int[] itsPast) {
            session.close();
            session = other;
            past = itsPast;
        }

        private void keep() {
            Snapshot snapshot = session.snapshot();
            assertThat(snapshot.position()).isEqualTo(past.length).isEqualTo(session.position());
            assertThat(List.of(snapshot.history())).isEqualTo(model.historyOf(past, past.length));
            snapshots.add(SnapshotCodec.encode(snapshot, SnapshotCodec.Encoding.FP32));
            pasts.add(past);
        }

        private void assertReplayed() {
            int[] next = {7, 11};
            try (Session replayed = model.newSession();
                    Session continued = model.newSession(session.snapshot())) {
                if (past.length > 0) {
                    replayed.feed(past);
                }
                float[][] expected = replayed.logitsOfEach(next);
                assertThat(continued.logitsOfEach(next)).isDeepEqualTo(expected);
                assertThat(continued.generate(greedy(new int[] {3}, 6)).tokens())
                        .isEqualTo(replayed.generate(greedy(new int[] {3}, 6)).tokens());
                assertThat(continued.snapshot().history())
                        .isEqualTo(replayed.snapshot().history());
            }
        }

        private static GenerationRequest greedy(int[] prompt, int count) {
            return GenerationRequest.builder()
                    .prompt(prompt)
                    .sampling(Sampling.GREEDY)
                    .maxTokens(count)
                    .build();
        }

        private static int[] joined(int[] first, int[] second) {
            int[] all = Arrays.copyOf(first, first.length + second.length);
            System.arraycopy(second, 0, all, first.length, second.length);
            return all;
        }
    }

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
