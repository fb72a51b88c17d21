package io.github.rwkv4j.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.FinishReason;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.langchain4j.ChatTemplate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ConversationTest {
    private static Rwkv model;

    @BeforeAll
    static void open() {
        model = Rwkv.open(DemoModelFiles.model());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Conversation conversation(Session session, Optional<String> system, int maxTokens) {
        return new Conversation(session, model.tokenizer(), ChatTemplate.WORLD, system, Sampling.GREEDY, maxTokens);
    }

    /** What the session has seen is the conversation's text, each token once. */
    private static void assertSeen(Session session, List<int[]> expected) {
        int[] all = expected.stream().flatMapToInt(IntStream::of).toArray();
        assertThat(session.position()).isEqualTo(all.length);
        int[] probe = model.tokenizer().encode("User");
        try (Session fork = session.fork();
                Session fresh = model.newSession()) {
            fresh.logits(all);
            assertThat(fork.logits(probe)).isEqualTo(fresh.logits(probe));
        }
    }

    @Test
    void feedsEachTokenOnce() throws Exception {
        try (Session session = model.newSession()) {
            Conversation conversation = conversation(session, Optional.of("Be kind."), 100);
            GenerationResult first =
                    conversation.say("My name is Anna.", _ -> {}).finish();
            GenerationResult second =
                    conversation.say("What is my name?", _ -> {}).finish();
            assertThat(first.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(second.text()).contains("Anna");
            assertSeen(
                    session,
                    List.of(
                            encode("System: Be kind.\n\nUser: My name is Anna.\n\nAssistant:"),
                            first.tokens(),
                            encode("User: What is my name?\n\nAssistant:"),
                            second.tokens()));
        }
    }

    @Test
    void endsATurnThatWasCutOff() throws Exception {
        try (Session session = model.newSession()) {
            Conversation conversation = conversation(session, Optional.empty(), 1);
            List<int[]> seen = new ArrayList<>();
            for (int turn = 0; turn < 2; turn++) {
                GenerationResult result = conversation.say("Hello", _ -> {}).finish();
                assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
                if (turn > 0) {
                    seen.add(encode("\n\n"));
                }
                seen.add(encode("User: Hello\n\nAssistant:"));
                seen.add(result.tokens());
            }
            assertSeen(session, seen);
        }
    }

    @Test
    void goesOnAfterACancel() throws Exception {
        try (Session session = model.newSession()) {
            Conversation conversation = conversation(session, Optional.empty(), 1000);
            // Before the first token or after some of them, as it happens.
            Conversation.Answer answer = conversation.say("My name is Anna. ".repeat(100), _ -> {});
            answer.cancel();
            GenerationResult cancelled = answer.finish();
            GenerationResult next =
                    conversation.say("What is my name?", _ -> {}).finish();
            List<int[]> seen = new ArrayList<>();
            seen.add(encode("User: " + "My name is Anna. ".repeat(100).strip() + "\n\nAssistant:"));
            seen.add(cancelled.tokens());
            if (!model.tokenizer().decode(cancelled.tokens()).contains("\n\n")) {
                seen.add(encode("\n\n"));
            }
            seen.add(encode("User: What is my name?\n\nAssistant:"));
            seen.add(next.tokens());
            assertSeen(session, seen);
        }
    }

    @Test
    void textArrivesWhileTheAnswerIsMade() throws Exception {
        try (Session session = model.newSession()) {
            CountDownLatch arrived = new CountDownLatch(1);
            StringBuilder text = new StringBuilder();
            GenerationResult result = conversation(session, Optional.empty(), 100)
                    .say("My name is Anna.", piece -> {
                        text.append(piece);
                        arrived.countDown();
                    })
                    .finish();
            assertThat(arrived.getCount()).isZero();
            assertThat(text.toString()).isEqualTo(result.text());
        }
    }

    private static int[] encode(String text) {
        return model.tokenizer().encode(text);
    }
}
