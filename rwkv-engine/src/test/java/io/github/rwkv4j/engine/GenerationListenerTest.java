package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class GenerationListenerTest {
    private static final int ENDLESS = 10_000_000;

    private final ObservedDevice device = new ObservedDevice();
    private Rwkv model;

    @BeforeEach
    void open(@TempDir Path directory) {
        Path file = RandomModel.small(1, 32, 32).write(directory.resolve("model.safetensors"), 1);
        model = Rwkv.open(file, RwkvOptions.builder().threads(1).build(), device);
    }

    @AfterEach
    void close() {
        model.close();
    }

    @Test
    void piecesAreTogetherTheResultsText() throws InterruptedException {
        RecordingListener listener = new RecordingListener();
        GenerationResult result = model.generate(request(700, 1, 2), listener).await();
        assertThat(result.tokens()).hasSize(700);
        assertThat(result.text()).isNotEmpty();
        assertThat(listener.text()).isEqualTo(result.text());
        assertThat(listener.pieces()).hasSizeGreaterThan(100).doesNotContain("");
        assertThat(listener.results()).containsExactly(result);
        assertThat(listener.errors()).isEmpty();
    }

    @Test
    void aSlowListenerHoldsUpNobodyElse() throws InterruptedException {
        CountDownLatch held = new CountDownLatch(1);
        StringBuilder slowText = new StringBuilder();
        Generation slow = model.generate(request(2000, 1), text -> {
            awaitUninterruptibly(held);
            slowText.append(text);
        });
        for (int i = 0; i < 10; i++) {
            assertThat(model.generate(request(500, i)).tokens()).hasSize(500);
        }
        held.countDown();
        GenerationResult result = slow.await();
        assertThat(result.tokens()).hasSize(2000);
        assertThat(slowText.toString()).isEqualTo(result.text());
    }

    @Test
    void aStalledListenersGenerationCanBeCancelled() throws InterruptedException {
        CountDownLatch held = new CountDownLatch(1);
        Generation stalled = model.generate(request(ENDLESS, 1), _ -> awaitUninterruptibly(held));
        model.generate(request(500, 1));
        stalled.cancel();
        held.countDown();
        assertThat(stalled.await().finishReason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void anExceptionInOnTextEndsTheGenerationWithOneError() throws InterruptedException {
        IllegalStateException broken = new IllegalStateException("the listener broke");
        List<RwkvException> errors = new ArrayList<>();
        AtomicInteger texts = new AtomicInteger();
        AtomicInteger completions = new AtomicInteger();
        Generation generation = model.generate(request(ENDLESS, 1), new GenerationListener() {
            @Override
            public void onText(String text) {
                if (texts.incrementAndGet() == 3) {
                    throw broken;
                }
            }

            @Override
            public void onComplete(GenerationResult result) {
                completions.incrementAndGet();
            }

            @Override
            public void onError(RwkvException error) {
                errors.add(error);
            }
        });
        assertThatThrownBy(generation::await)
                .isInstanceOf(RwkvException.class)
                .hasMessageContaining("the listener broke")
                .hasCause(broken);
        assertThat(errors).singleElement().satisfies(error -> assertThat(error).hasCause(broken));
        assertThat(texts).hasValue(3);
        assertThat(completions).hasValue(0);
        assertThat(model.generate(request(5, 1)).tokens()).hasSize(5);
    }

    @Test
    void anExceptionInOnCompleteLeavesTheResult() throws InterruptedException {
        Generation generation = model.generate(request(5, 1), new GenerationListener() {
            @Override
            public void onText(String text) {}

            @Override
            public void onComplete(GenerationResult result) {
                throw new IllegalStateException("thrown by a test's onComplete");
            }

            @Override
            public void onError(RwkvException error) {
                throw new AssertionError("a second end");
            }
        });
        assertThat(generation.await().tokens()).hasSize(5);
    }

    @Test
    void anExceptionInOnErrorLeavesTheError() {
        device.failNextStep(new IllegalStateException("the device broke"));
        Generation generation = model.generate(request(5, 1), new GenerationListener() {
            @Override
            public void onText(String text) {}

            @Override
            public void onError(RwkvException error) {
                throw new IllegalStateException("thrown by a test's onError");
            }
        });
        assertThatThrownBy(generation::await)
                .isInstanceOf(RwkvException.class)
                .hasMessageContaining("the device broke");
    }

    @Test
    void theSessionIsFreeWhenItsListenerHearsOfTheEnd() throws Exception {
        try (Session session = model.newSession()) {
            CompletableFuture<GenerationResult> second = new CompletableFuture<>();
            session.generate(request(5, 1), new GenerationListener() {
                @Override
                public void onText(String text) {}

                @Override
                public void onComplete(GenerationResult result) {
                    second.completeAsync(() -> session.generate(request(5, 2)), Runnable::run);
                }
            });
            assertThat(second.get().tokens()).hasSize(5);
        }
    }

    @Test
    void blockingCallsComeFromManyVirtualThreadsAtOnce() throws Exception {
        List<GenerationResult> expected = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            expected.add(model.generate(request(20, i, 64 - i)));
        }
        List<Future<GenerationResult>> results = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 64; i++) {
                GenerationRequest request = request(20, i, 64 - i);
                results.add(threads.submit(() -> model.generate(request)));
            }
        }
        for (int i = 0; i < 64; i++) {
            assertThat(results.get(i).get().text()).isEqualTo(expected.get(i).text());
        }
    }

    @Test
    void neverMissesThatAListenerMadeRoom() throws InterruptedException {
        Semaphore room = new Semaphore(0);
        AtomicInteger received = new AtomicInteger();
        Delivery delivery = new Delivery(Optional.of(_ -> received.incrementAndGet()), () -> {}, room::release);
        delivery.start();
        // As the scheduler: it adds while there is room, else it sleeps until it is told.
        for (int i = 0; i < 1_000_000; i++) {
            while (!delivery.hasRoom()) {
                assertThat(room.tryAcquire(10, TimeUnit.SECONDS))
                        .as("woken after %d of %d pieces were received", received.get(), i)
                        .isTrue();
            }
            delivery.text("piece");
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
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
