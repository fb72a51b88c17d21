package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SessionTest {
    private static final int ENDLESS = 10_000_000;

    private final ObservedDevice device = new ObservedDevice();
    private Rwkv model;

    @BeforeEach
    void open(@TempDir Path directory) {
        Path file = RandomModel.small(2, 64, 32).write(directory.resolve("model.safetensors"), 1);
        model = Rwkv.open(file, RwkvOptions.builder().threads(1).maxSessions(4).build(), device);
    }

    @AfterEach
    void close() {
        model.close();
    }

    @Test
    void positionCountsWhatWasFedAndGenerated() {
        try (Session session = model.newSession()) {
            assertThat(session.position()).isZero();
            session.logits(1, 2, 3);
            assertThat(session.position()).isEqualTo(3);
            session.logitsOfEach(4, 5);
            assertThat(session.position()).isEqualTo(5);
            session.generate(request(4, 6));
            assertThat(session.position()).isEqualTo(10);
            session.generate(request(2));
            assertThat(session.position()).isEqualTo(12);
            session.logits(7);
            assertThat(session.position()).isEqualTo(13);
        }
    }

    @Test
    void continuingAGenerationIsTheSameAsOneLongOne() {
        GenerationResult whole = model.generate(request(30, 1, 2, 3));
        try (Session session = model.newSession();
                Session fed = model.newSession()) {
            int[] first = session.generate(request(13, 1, 2, 3)).tokens();
            int[] second = session.generate(request(17)).tokens();
            assertThat(IntStream.concat(IntStream.of(first), IntStream.of(second)))
                    .containsExactly(IntStream.of(whole.tokens()).boxed().toArray(Integer[]::new));

            fed.logits(1, 2, 3);
            for (int token : whole.tokens()) {
                fed.logits(token);
            }
            assertThat(session.logits(9)).isEqualTo(fed.logits(9));
            assertSameState(session, fed);
        }
    }

    @Test
    void logitsOfEachAreTheLogitsOneByOne() {
        // Far more than the 4 + 32 rows whose logits one step holds.
        int[] tokens = tokens(300);
        try (Session each = model.newSession();
                Session oneByOne = model.newSession()) {
            // An unfed token of a generation has logits too, which are not asked for.
            assertThat(each.generate(request(3, 5)).tokens())
                    .isEqualTo(oneByOne.generate(request(3, 5)).tokens());
            float[][] logits = each.logitsOfEach(tokens);
            assertThat(logits).hasDimensions(300, 256);
            for (int i = 0; i < tokens.length; i++) {
                assertThat(logits[i]).isEqualTo(oneByOne.logits(tokens[i]));
            }
        }
    }

    @Test
    void logitsOfEachLeaveRoomForTheLogitsOfOthers() throws InterruptedException {
        GenerationResult alone = model.generate(request(5, tokens(6)));
        device.hold();
        Generation first = model.generate(request(1, 1), new RecordingListener());
        device.awaitHeldStep();
        try (Session session = model.newSession()) {
            List<Generation> others = new ArrayList<>();
            // The step after the held one begins with the second of those that wait: the one that wants the most.
            others.add(model.generate(request(5, tokens(6)), new RecordingListener()));
            Thread each = Thread.ofVirtual().start(() -> session.logitsOfEach(tokens(300)));
            while (each.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            others.add(model.generate(request(5, tokens(6)), new RecordingListener()));
            device.open();
            first.await();
            for (Generation other : others) {
                assertThat(other.await().tokens()).isEqualTo(alone.tokens());
            }
            each.join();
            assertThat(session.position()).isEqualTo(300);
        }
    }

    @Test
    void aForkIsEqualAndIndependent() {
        try (Session session = model.newSession()) {
            session.generate(request(5, 1, 2, 3));
            try (Session fork = session.fork();
                    Session other = session.fork()) {
                assertThat(fork.position()).isEqualTo(8);
                fork.logits(9, 9, 9);
                assertThat(session.position()).isEqualTo(8);
                assertThat(fork.position()).isEqualTo(11);
                assertThat(session.logits(4)).isEqualTo(other.logits(4));
                assertSameState(session, other);
                assertThat(fork.logits(4)).isNotEqualTo(session.logits(4));
            }
            assertThat(session.logits(1)).hasSize(256);
        }
    }

    @Test
    void aForkOutlivesItsOrigin() {
        Session session = model.newSession();
        session.logits(1, 2, 3);
        try (Session fork = session.fork();
                Session expected = model.newSession()) {
            session.close();
            expected.logits(1, 2, 3);
            assertThat(fork.logits(4)).isEqualTo(expected.logits(4));
        }
    }

    @Test
    void refusesASecondRequestWhileOneRuns() throws InterruptedException {
        try (Session session = model.newSession()) {
            device.hold();
            Generation generation = session.generate(request(3, 1), new RecordingListener());
            device.awaitHeldStep();
            for (Runnable second : List.<Runnable>of(
                    () -> session.logits(1),
                    () -> session.logitsOfEach(1),
                    () -> session.generate(request(1, 1)),
                    () -> session.generate(request(1, 1), new RecordingListener()),
                    session::fork)) {
                assertThatThrownBy(second::run)
                        .isInstanceOf(InvalidRequestException.class)
                        .hasMessageContainingAll("busy", "wait");
            }
            device.open();
            assertThat(generation.await().tokens()).hasSize(3);
            assertThat(session.logits(1)).hasSize(256);
        }
    }

    @Test
    void refusesEverythingOnceClosed() {
        Session session = model.newSession();
        session.close();
        session.close();
        for (Runnable use : List.<Runnable>of(
                () -> session.logits(1),
                () -> session.logitsOfEach(1),
                () -> session.generate(request(1, 1)),
                session::fork)) {
            assertThatThrownBy(use::run)
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("closed");
        }
    }

    @Test
    void closingCancelsTheRunningGeneration() throws InterruptedException {
        Session session = model.newSession();
        RecordingListener listener = new RecordingListener(5);
        Generation generation = session.generate(request(ENDLESS, 1), listener);
        listener.awaitPieces();
        session.close();
        assertThat(generation.await().finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(model.generate(request(3, 1)).tokens()).hasSize(3);
        assertLiveStates(0);
    }

    @Test
    void closingCancelsAGenerationWhoseListenerStalls() throws InterruptedException {
        Session session = model.newSession();
        CountDownLatch stalled = new CountDownLatch(1);
        Generation generation = session.generate(request(ENDLESS, 1), _ -> {
            try {
                stalled.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        session.close();
        // Nothing else wakes the scheduler: the close has to.
        stalled.countDown();
        assertThat(generation.await().finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertLiveStates(0);
    }

    @Test
    void closingWhileAStepUsesTheStateFreesItAfterwards() throws InterruptedException {
        GenerationResult alone = model.generate(request(20, 7));
        Session session = model.newSession();
        device.hold();
        Generation closing = session.generate(request(ENDLESS, 1), new RecordingListener());
        Generation other = model.generate(request(20, 7), new RecordingListener());
        device.awaitHeldStep();
        session.close();
        device.open();
        assertThat(closing.await().finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(other.await().text()).isEqualTo(alone.text());
        assertLiveStates(0);
    }

    @Test
    void closingAtAnyMomentHurtsNobodyElse() throws InterruptedException {
        GenerationResult alone = model.generate(request(400, 7));
        Generation other = model.generate(request(400, 7), new RecordingListener());
        for (int i = 0; i < 300; i++) {
            Session session = model.newSession();
            Thread closer = Thread.ofPlatform().start(session::close);
            try {
                session.generate(request(2, 1));
                session.fork().close();
            } catch (InvalidRequestException e) {
                assertThat(e).hasMessageMatching(".*(closed|busy).*");
            }
            closer.join();
        }
        assertThat(other.await().text()).isEqualTo(alone.text());
        assertLiveStates(0);
    }

    @Test
    void refusesAPastThatAFailureLeftUnknown() {
        try (Session session = model.newSession()) {
            session.logits(1, 2);
            device.failNextStep(new IllegalStateException("the device broke"));
            assertThatThrownBy(() -> session.logits(3))
                    .isInstanceOf(RwkvException.class)
                    .hasMessageContaining("the device broke");
            assertThatThrownBy(() -> session.logits(3))
                    .isInstanceOf(RwkvException.class)
                    .hasMessageContainingAll("past was lost", "new session");
            assertThatThrownBy(session::fork).hasMessageContaining("past was lost");
        }
        assertLiveStates(0);
    }

    @Test
    void refusesTokensOutsideTheVocabularyAndNone() {
        try (Session session = model.newSession()) {
            assertThatThrownBy(() -> session.logits(256))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContainingAll("256", "vocabulary");
            assertThatThrownBy(() -> session.logitsOfEach(1, -1))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("-1");
            assertThatThrownBy(session::logits)
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("no token");
            assertThatThrownBy(() -> session.generate(request(1)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContainingAll("prompt is empty", "at least one token");
            session.logits(1);
            assertThatThrownBy(() -> session.generate(request(1)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContainingAll("prompt is empty", "at least one token");
            assertThat(session.position()).isEqualTo(1);
            assertThat(session.logits(1)).hasSize(256);
        }
    }

    @Test
    void aPromptOfManyTokensEqualsItsPieces(@TempDir Path directory) {
        Path file = new RandomModel(1, 32, 32, 33, 256, 4, 4, 4, 4).write(directory.resolve("tiny.safetensors"), 1);
        int[] prompt = tokens(200_000);
        try (Rwkv tiny = Rwkv.open(
                        file, RwkvOptions.builder().threads(1).prefillRows(1024).build());
                Session whole = tiny.newSession();
                Session pieces = tiny.newSession()) {
            float[] expected = whole.logits(prompt);
            float[] last = {};
            for (int from = 0; from < prompt.length; from += 33_333) {
                last = pieces.logits(
                        IntStream.of(prompt).skip(from).limit(33_333).toArray());
            }
            assertThat(last).isEqualTo(expected);
            assertThat(whole.position()).isEqualTo(200_000);
        }
    }

    /** States are freed between two steps, in order: a new one's turn comes after all that were closed before. */
    private void assertLiveStates(int expected) {
        try (Session last = model.newSession()) {
            last.readState(0, 1);
            assertThat(device.liveStates()).isEqualTo(expected + 1);
        }
    }

    private void assertSameState(Session one, Session other) {
        int size = Math.toIntExact(model.info().stateBytes() / 4);
        assertThat(one.readState(0, size)).isEqualTo(other.readState(0, size));
    }

    private static int[] tokens(int count) {
        return new Random(count).ints(count, 0, 256).toArray();
    }

    private static GenerationRequest request(int maxTokens, int... prompt) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }
}
