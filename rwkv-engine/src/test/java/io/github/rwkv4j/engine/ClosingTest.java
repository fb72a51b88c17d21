package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.engine.errors.OverloadedException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The end of a model, in the middle of whatever it does. */
@Timeout(60)
class ClosingTest {
    private static final int ENDLESS = 10_000_000;

    private final ObservedDevice device = new ObservedDevice();
    private Path file;

    @BeforeEach
    void write(@TempDir Path directory) {
        file = RandomModel.small(1, 32, 32).write(directory.resolve("model.safetensors"), 1);
    }

    private Rwkv open() {
        return Rwkv.open(file, RwkvOptions.builder().maxSessions(4).build(), device);
    }

    @Test
    void endsRunningAndWaitingGenerationsWithOneError() throws InterruptedException {
        Rwkv model = open();
        List<RecordingListener> listeners = new ArrayList<>();
        List<Generation> generations = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            listeners.add(new RecordingListener(i < 4 ? 3 : 0));
            generations.add(model.generate(request(ENDLESS, i), listeners.get(i)));
        }
        listeners.get(0).awaitPieces();
        model.close();
        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(generations.get(i)::await)
                    .isInstanceOf(ClosedException.class)
                    .hasMessageContaining("closed before the request was done");
            listeners.get(i).awaitEnd();
            assertThat(listeners.get(i).errors()).hasSize(1);
            assertThat(listeners.get(i).results()).isEmpty();
        }
        assertThat(device.liveStates()).isZero();
    }

    @Test
    void refusesEverythingAfterwards() {
        Rwkv model = open();
        Session session = model.newSession();
        model.close();
        for (Runnable use : List.<Runnable>of(
                model::newSession,
                () -> model.generate(request(1, 1)),
                () -> model.generate(request(1, 1), new RecordingListener()),
                () -> model.embed(List.of("text"), Pooling.MEAN),
                () -> session.logits(1),
                () -> session.logitsOfEach(1),
                () -> session.generate(request(1, 1)),
                session::fork)) {
            assertThatThrownBy(use::run)
                    .isInstanceOf(ClosedException.class)
                    .hasMessageContainingAll("model is closed", "open it again");
        }
        session.close();
        assertThat(device.liveStates()).isZero();
        assertThat(model.info().layers()).isEqualTo(1);
        assertThat(model.tokenizer().encode("a")).containsExactly('a');
    }

    @Test
    void isIdempotentAlsoFromManyThreadsAtOnce() throws Exception {
        for (int round = 0; round < 30; round++) {
            Rwkv model = Rwkv.open(file, RwkvOptions.builder().threads(2).build());
            for (int i = 0; i < 8; i++) {
                model.newSession();
            }
            CyclicBarrier start = new CyclicBarrier(4);
            List<Future<?>> closers = new ArrayList<>();
            try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
                for (int i = 0; i < 4; i++) {
                    closers.add(threads.submit(() -> {
                        start.await();
                        model.close();
                        return true;
                    }));
                }
            }
            for (Future<?> closer : closers) {
                assertThat(closer.get()).isEqualTo(true);
            }
            model.close();
        }
    }

    @Test
    void aListenerMayCloseTheModel() throws InterruptedException {
        Rwkv model = open();
        Generation generation = model.generate(request(ENDLESS, 1), _ -> model.close());
        assertThatThrownBy(generation::await).isInstanceOf(ClosedException.class);
    }

    @Test
    void aSessionClosedDuringTheLastStepLeavesTheOthersTheirError() throws Exception {
        Rwkv model = open();
        Session session = model.newSession();
        device.hold();
        Generation first = session.generate(request(ENDLESS, 1), new RecordingListener());
        Generation other = model.generate(request(ENDLESS, 2), new RecordingListener());
        device.awaitHeldStep();
        Thread closer = Thread.ofVirtual().start(model::close);
        // The close has begun once new sessions are refused.
        while (isOpen(model)) {
            Thread.onSpinWait();
        }
        session.close();
        device.open();
        closer.join();
        assertThatThrownBy(first::await).isInstanceOf(ClosedException.class);
        assertThatThrownBy(other::await).isInstanceOf(ClosedException.class);
        assertThat(device.liveStates()).isZero();
    }

    private static boolean isOpen(Rwkv model) {
        try {
            model.newSession().close();
            return true;
        } catch (ClosedException e) {
            return false;
        }
    }

    @Test
    void atAnyMomentEndsWhateverRuns() throws Exception {
        for (int round = 0; round < 40; round++) {
            Rwkv model = Rwkv.open(file, RwkvOptions.builder().threads(1).build());
            List<Future<?>> users = new ArrayList<>();
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                for (int i = 0; i < 8; i++) {
                    users.add(threads.submit(() -> useUntilClosed(model)));
                }
                Thread.sleep(round % 8);
                model.close();
            }
            for (Future<?> user : users) {
                user.get();
            }
        }
    }

    private static void useUntilClosed(Rwkv model) {
        assertThatThrownBy(() -> {
                    while (true) {
                        try (Session session = model.newSession()) {
                            session.generate(request(3, 1, 2));
                            session.fork().close();
                            model.embed(List.of("one", "two"), Pooling.LAST);
                        } catch (OverloadedException e) {
                            throw new AssertionError("the queue has room for all", e);
                        }
                    }
                })
                .isInstanceOf(ClosedException.class);
    }

    private static GenerationRequest request(int maxTokens, int... prompt) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }
}
