package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CancellationTest {
    private static final int ENDLESS = 10_000_000;

    private final ObservedDevice device = new ObservedDevice();
    private Rwkv model;

    @BeforeEach
    void open(@TempDir Path directory) {
        Path file = RandomModel.small(1, 32, 32).write(directory.resolve("model.safetensors"), 1);
        model = Rwkv.open(
                file,
                RwkvOptions.builder().threads(1).maxSessions(2).prefillRows(8).build(),
                device);
    }

    @AfterEach
    void close() {
        model.close();
    }

    @Test
    void endsAWaitingGenerationWhileAllPlacesAreTaken() throws InterruptedException {
        Generation first = model.generate(request(ENDLESS, 1), new RecordingListener());
        Generation second = model.generate(request(ENDLESS, 2), new RecordingListener());
        Generation waiting = model.generate(request(5, 3), new RecordingListener());

        waiting.cancel();

        GenerationResult result = waiting.await();
        assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(result.text()).isEmpty();
        assertThat(result.tokens()).isEmpty();
        first.cancel();
        second.cancel();
        assertThat(first.await().finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(second.await().finishReason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void endsAGenerationBetweenTwoPiecesOfItsPrompt() throws InterruptedException {
        try (Session session = model.newSession()) {
            device.hold();
            Generation generation = session.generate(request(5, new int[1000]), new RecordingListener());
            device.awaitHeldStep();
            generation.cancel();
            device.open();

            GenerationResult result = generation.await();
            assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(result.tokens()).isEmpty();
            assertThat(result.promptTokens()).isEqualTo(1000);
            // The state has seen the first piece, and position says so.
            assertThat(session.position()).isEqualTo(8);
            assertThat(session.logits(1)).isEqualTo(afterwards(new int[8], 1));
        }
    }

    @Test
    void keepsWhatWasGeneratedSoFar() throws InterruptedException {
        RecordingListener listener = new RecordingListener(5);
        try (Session session = model.newSession()) {
            Generation generation = session.generate(request(ENDLESS, 1, 2, 3), listener);
            listener.awaitPieces();
            generation.cancel();

            GenerationResult result = generation.await();
            assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(listener.text()).isEqualTo(result.text());
            int count = result.tokens().length;
            GenerationResult uncancelled = model.generate(request(count, 1, 2, 3));
            assertThat(result.tokens()).isEqualTo(uncancelled.tokens());
            assertThat(result.text()).isEqualTo(uncancelled.text());
            assertThat(session.position()).isEqualTo(3 + count);
        }
    }

    @Test
    void changesNothingForOthers() throws InterruptedException {
        GenerationResult alone = model.generate(request(300, 9, 8));
        RecordingListener listener = new RecordingListener(5);
        Generation cancelled = model.generate(request(ENDLESS, 1), listener);
        Generation other = model.generate(request(300, 9, 8), new RecordingListener());
        listener.awaitPieces();
        cancelled.cancel();
        assertThat(other.await().text()).isEqualTo(alone.text());
        assertThat(other.await().finishReason()).isEqualTo(FinishReason.LENGTH);
        cancelled.await();
    }

    @Test
    void isIdempotent() throws InterruptedException {
        RecordingListener listener = new RecordingListener();
        Generation generation = model.generate(request(ENDLESS, 1), listener);
        generation.cancel();
        generation.cancel();
        GenerationResult result = generation.await();
        generation.cancel();
        assertThat(generation.await()).isSameAs(result);
        listener.awaitEnd();
        assertThat(listener.results()).containsExactly(result);
        assertThat(listener.errors()).isEmpty();
    }

    @Test
    void anOldGenerationsCancelLeavesTheSessionsNextOneAlone() throws InterruptedException {
        try (Session session = model.newSession()) {
            Generation old = session.generate(request(3, 1), new RecordingListener());
            old.await();
            device.hold();
            Generation next = session.generate(request(3, 2), new RecordingListener());
            device.awaitHeldStep();
            old.cancel();
            device.open();
            assertThat(next.await().finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(next.await().tokens()).hasSize(3);
        }
    }

    @Test
    void beforeTheStartLeavesTheSessionsPastAsItWas() throws InterruptedException {
        try (Session session = model.newSession()) {
            int[] tokens = session.generate(request(4, 1, 2)).tokens();
            long position = session.position();
            device.hold();
            Generation first = model.generate(request(1, 1), new RecordingListener());
            device.awaitHeldStep();
            Generation generation = session.generate(request(4, 3), new RecordingListener());
            generation.cancel();
            device.open();
            assertThat(generation.await().tokens()).isEmpty();
            first.await();

            assertThat(session.position()).isEqualTo(position);
            int[] past = {1, 2, tokens[0], tokens[1], tokens[2], tokens[3]};
            assertThat(session.logits(7)).isEqualTo(afterwards(past, 7));
        }
    }

    @Test
    void isWhatAnInterruptDoesToAWaitingCaller() throws Exception {
        CompletableFuture<GenerationResult> result = new CompletableFuture<>();
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        device.hold();
        Thread caller = Thread.ofVirtual().start(() -> {
            result.complete(model.generate(request(ENDLESS, 1)));
            interrupted.complete(Thread.currentThread().isInterrupted());
        });
        device.awaitHeldStep();
        caller.interrupt();
        device.open();
        assertThat(result.get().finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(interrupted.get()).isTrue();
    }

    private float[] afterwards(int[] past, int token) {
        try (Session fresh = model.newSession()) {
            int[] all = Arrays.copyOf(past, past.length + 1);
            all[past.length] = token;
            return fresh.logits(all);
        }
    }

    private static GenerationRequest request(int maxTokens, int... prompt) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }
}
