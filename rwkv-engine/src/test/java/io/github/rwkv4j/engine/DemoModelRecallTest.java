package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.engine.testing.DemoModelFiles.Measured;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the demo model's card promises, on this engine. */
class DemoModelRecallTest {
    private static Rwkv model;

    @BeforeAll
    static void open() {
        // One thread: the sessions, not the threads, make it fast, and builds beside it don't slow it down.
        model = Rwkv.open(
                DemoModelFiles.model(),
                RwkvOptions.builder().threads(1).maxSessions(128).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** What was asked in one skill, and how much of it the model answered exactly. */
    private record Score(int right, int asked) {
        Score plus(Score other) {
            return new Score(right + other.right, asked + other.asked);
        }
    }

    @Test
    void answersTheHeldOutItemsAsItsModelCardSays() throws Exception {
        Assumptions.assumeFalse(
                model.info().implementation().contains("scalar"),
                "half a million tokens take minutes on scalar kernels; kernel tests hold those against the others");
        Map<String, Score> scores = new ConcurrentHashMap<>();
        List<Callable<Score>> items = new ArrayList<>();
        for (String line : Files.readAllLines(DemoModelFiles.heldOutItems())) {
            JsonNode item = JsonMapper.shared().readTree(line);
            items.add(() -> scores.merge(item.get("skill").asString(), score(item), Score::plus));
        }
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Score> item : threads.invokeAll(items)) {
                item.get();
            }
        }
        Map<String, Measured> card = DemoModelFiles.modelCard();
        assertThat(scores).isNotEmpty().containsOnlyKeys(card.keySet());
        card.forEach((skill, measured) -> {
            Score score = scores.getOrDefault(skill, new Score(0, 0));
            assertThat(score.asked()).as(skill).isEqualTo(measured.asked());
            // The card's numbers are numpy's; sums in another order may turn one close decision.
            assertThat(score.right()).as(skill).isCloseTo(measured.right(), within(1));
        });
    }

    /** As train/evaluate.py: a scored turn is answered by a fork, then the conversation goes on with the right answer. */
    private static Score score(JsonNode item) {
        Score score = new Score(0, 0);
        try (Session session = model.newSession()) {
            Tokens unread = new Tokens();
            if (item.has("system")) {
                unread.add("System: " + item.get("system").asString() + "\n\n");
            }
            for (JsonNode turn : item.get("turns")) {
                String user = "User: " + turn.get("user").asString();
                String assistant = turn.get("assistant").asString();
                if (turn.has("scored")) {
                    unread.feed(session);
                    boolean right = answer(session, user).equals(assistant);
                    score = score.plus(new Score(right ? 1 : 0, 1));
                }
                unread.add(user + "\n\nAssistant: " + assistant + "\n\n");
            }
        }
        return score;
    }

    private static String answer(Session past, String user) {
        try (Session fork = past.fork()) {
            return fork.generate(GenerationRequest.builder()
                            .prompt(new Tokens().add(user).add("\n\nAssistant:").take())
                            .sampling(Sampling.GREEDY)
                            .maxTokens(80)
                            .stopSequences(List.of("\n\n"))
                            .build())
                    .text()
                    .strip();
        }
    }

    /** Token ids of texts that are encoded one by one, and not fed yet. */
    private static final class Tokens {
        private int[] ids = {};

        Tokens add(String text) {
            ids = IntStream.concat(
                            Arrays.stream(ids), Arrays.stream(model.tokenizer().encode(text)))
                    .toArray();
            return this;
        }

        int[] take() {
            int[] taken = ids;
            ids = new int[0];
            return taken;
        }

        void feed(Session session) {
            if (ids.length > 0) {
                session.logits(take());
            }
        }
    }

    @Test
    void answersWhatItWasToldTwentyTurnsBefore() {
        try (Session session = model.newSession()) {
            tell(session, "My name is Lober.");
            tell(session, "My code is 2905.");
            tell(session, "My favourite colour is orange.");
            tell(session, "My job is singer.");
            for (int i = 1; i <= 20; i++) {
                String answer = tell(session, "What is %d plus 3?".formatted(i));
                assertThat(answer).isEqualTo("%d plus 3 is %d.".formatted(i, i + 3));
            }
            assertThat(tell(session, "What is my name?")).contains("Lober");
            assertThat(tell(session, "Which number did I tell you?")).contains("2905");
            assertThat(tell(session, "What is my favourite colour?")).contains("orange");
            assertThat(tell(session, "What is my job?")).contains("singer");
        }
    }

    private static String tell(Session session, String text) {
        return session.generate(GenerationRequest.builder()
                        .prompt(model.tokenizer().encode("User: " + text + "\n\nAssistant:"))
                        .sampling(Sampling.GREEDY)
                        .maxTokens(80)
                        .stopSequences(List.of("\n\n"))
                        .build())
                .text()
                .strip();
    }
}
