package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotCodec;
import io.github.rwkv4j.engine.testing.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;

/** A session that goes on from a snapshot is the session that it was taken from, bit for bit. */
class ContinuationTest {
    /** Of the golden models; the oldest generation has a context of 64 tokens. */
    private static final int VOCABULARY = 60;

    private static final int LONGEST = 45;
    private static final Map<String, Rwkv> MODELS = new HashMap<>();

    /** One step of a conversation. */
    private sealed interface Step {}

    private record Feed(int[] tokens) implements Step {
        @Override
        public String toString() {
            return "Feed" + Arrays.toString(tokens);
        }
    }

    private record Generate(int prompt, int count) implements Step {}

    private record Fork() implements Step {}

    /** Goes back to one of the moments so far. */
    private record Rewind(int moment) implements Step {}

    @Provide
    Arbitrary<String> generations() {
        return Arbitraries.of(
                "v1", "v2", "v2-ffnpre", "v3", "v3-ffnpre", "v4", "v4-ffnpre", "v5.0", "v5.1", "v5.2", "v6", "v7");
    }

    @Provide
    Arbitrary<Step> steps() {
        Arbitrary<Integer> token = Arbitraries.integers().between(0, VOCABULARY - 1);
        return Arbitraries.oneOf(
                token.array(int[].class).ofMinSize(1).ofMaxSize(9).map(Feed::new),
                token.flatMap(prompt -> Arbitraries.integers().between(1, 5).map(count -> new Generate(prompt, count))),
                Arbitraries.create(Fork::new),
                Arbitraries.integers().between(0, 11).map(Rewind::new));
    }

    @Property(tries = 150)
    void continuedEqualsReplayed(
            @ForAll("generations") String generation, @ForAll @Size(max = 12) List<@From("steps") Step> steps)
            throws IOException {
        Conversation conversation = new Conversation(open(generation));
        for (Step step : steps) {
            conversation.take(step);
        }
        conversation.assertReplayed();
    }

    private static Rwkv open(String generation) throws IOException {
        Rwkv opened = MODELS.get(generation);
        if (opened == null) {
            Path vocabulary = Files.createTempFile("vocabulary", ".json");
            // The golden models have no texts: ids are what matters.
            Files.writeString(
                    vocabulary,
                    IntStream.range(0, VOCABULARY)
                            .mapToObj(id -> "\"%d\": \"%c\"".formatted(id, 0x4E00 + id))
                            .collect(Collectors.joining(",", "{", "}")));
            opened = Rwkv.open(
                    TestData.resource("golden/" + generation + "/model.safetensors"),
                    RwkvOptions.builder()
                            .threads(2)
                            .prefillRows(16)
                            .maxSessions(8)
                            .vocabulary(vocabulary)
                            .build());
            Files.delete(vocabulary);
            MODELS.put(generation, opened);
        }
        return opened;
    }

    @AfterContainer
    static void closeModels() {
        MODELS.values().forEach(Rwkv::close);
        MODELS.clear();
    }

    /** A session, its tokens, and snapshots of all its moments. */
    private static final class Conversation {
        private final Rwkv model;
        private final List<byte[]> snapshots = new ArrayList<>();
        private final List<int[]> pasts = new ArrayList<>();
        private Session session;
        private int[] past = {};

        Conversation(Rwkv model) {
            this.model = model;
            this.session = model.newSession();
            keep();
        }

        void take(Step step) {
            switch (step) {
                case Feed(int[] tokens) -> {
                    if (past.length + tokens.length <= LONGEST) {
                        session.feed(tokens);
                        past = joined(past, tokens);
                    }
                }
                case Generate(int prompt, int count) -> {
                    if (past.length + 1 + count <= LONGEST) {
                        int[] drawn = session.generate(greedy(prompt, count)).tokens();
                        past = joined(past, joined(new int[] {prompt}, drawn));
                    }
                }
                case Fork() -> replace(session.fork(), past);
                case Rewind(int moment) -> {
                    int kept = moment % snapshots.size();
                    replace(model.newSession(SnapshotCodec.decode(snapshots.get(kept))), pasts.get(kept));
                }
            }
            keep();
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

        void assertReplayed() {
            int[] next = {7, 11};
            try (Session finished = session;
                    Session replayed = model.newSession();
                    Session continued = model.newSession(finished.snapshot())) {
                if (past.length > 0) {
                    replayed.feed(past);
                }
                assertThat(continued.logitsOfEach(next)).isDeepEqualTo(replayed.logitsOfEach(next));
                assertThat(continued.generate(greedy(3, 6)).tokens())
                        .isEqualTo(replayed.generate(greedy(3, 6)).tokens());
                assertThat(continued.snapshot().history())
                        .isEqualTo(replayed.snapshot().history());
            }
        }

        private static GenerationRequest greedy(int prompt, int count) {
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
}
