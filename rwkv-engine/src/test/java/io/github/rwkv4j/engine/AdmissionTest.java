package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.OverloadedException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The bounded queue of requests. */
@Timeout(60)
class AdmissionTest {
    private static final int CAPACITY = 5;

    private final ObservedDevice device = new ObservedDevice();
    private Path file;

    @BeforeEach
    void write(@TempDir Path directory) {
        file = RandomModel.small(1, 32, 32).write(directory.resolve("model.safetensors"), 1);
    }

    private Rwkv open() {
        return Rwkv.open(
                file,
                RwkvOptions.builder().threads(1).maxSessions(2).queueCapacity(3).build(),
                device);
    }

    @Test
    void refusesMoreThanItsCapacityAndSaysTheNumbers() throws InterruptedException {
        try (Rwkv model = open()) {
            requireExactCapacity(model);
        }
    }

    @Test
    void freesTheStateOfARefusedRequest() throws InterruptedException {
        try (Rwkv model = open()) {
            requireExactCapacity(model);
            model.generate(request(1));
            // States are freed between two steps, in order: after this one's turn they are.
            try (Session last = model.newSession()) {
                last.readState(0, 1);
                assertThat(device.liveStates()).isEqualTo(1);
            }
        }
    }

    @Test
    void aRefusedSessionIsFreeForItsNextRequest() throws InterruptedException {
        try (Rwkv model = open();
                Session session = model.newSession()) {
            device.hold();
            List<Generation> generations = fill(model);
            assertThatThrownBy(() -> session.logits(1)).isInstanceOf(OverloadedException.class);
            assertThatThrownBy(() -> session.generate(request(1))).isInstanceOf(OverloadedException.class);
            device.open();
            awaitAll(generations);
            assertThat(session.position()).isZero();
            assertThat(session.logits(1)).hasSize(256);
        }
    }

    @Test
    void keepsNoPlaceForRequestsThatFailed() throws InterruptedException {
        try (Rwkv model = open()) {
            for (int i = 0; i < 2 * CAPACITY; i++) {
                device.failNextStep(new IllegalStateException("the device broke"));
                assertThatThrownBy(() -> model.generate(request(3)))
                        .isInstanceOf(RwkvException.class)
                        .hasMessageContaining("the device broke");
            }
            requireExactCapacity(model);
        }
    }

    @Test
    void keepsNoPlaceForCancelledRequests() throws InterruptedException {
        try (Rwkv model = open()) {
            for (int i = 0; i < 2 * CAPACITY; i++) {
                Generation generation = model.generate(request(100_000), new RecordingListener());
                generation.cancel();
                generation.await();
            }
            requireExactCapacity(model);
        }
    }

    @Test
    void keepsNoPlaceForRequestsWhoseListenerThrew() throws InterruptedException {
        try (Rwkv model = open()) {
            for (int i = 0; i < 2 * CAPACITY; i++) {
                Generation generation = model.generate(request(100_000), _ -> {
                    throw new IllegalStateException("the listener broke");
                });
                assertThatThrownBy(generation::await).isInstanceOf(RwkvException.class);
            }
            requireExactCapacity(model);
        }
    }

    @Test
    void acceptsRequestsWithTheLargestQueue() {
        RwkvOptions options =
                RwkvOptions.builder().queueCapacity(Integer.MAX_VALUE).build();
        try (Rwkv model = Rwkv.open(file, options)) {
            assertThat(model.generate(request(2)).tokens()).hasSize(2);
        }
    }

    /** Exactly as many as the options say, and again once those are done. */
    private void requireExactCapacity(Rwkv model) throws InterruptedException {
        for (int round = 0; round < 2; round++) {
            device.hold();
            List<Generation> generations = fill(model);
            assertThatThrownBy(() -> model.generate(request(1)))
                    .isInstanceOf(OverloadedException.class)
                    .hasMessageContainingAll("5 requests", "maxSessions 2", "queueCapacity 3", "try again later");
            device.open();
            awaitAll(generations);
        }
    }

    private List<Generation> fill(Rwkv model) throws InterruptedException {
        List<Generation> generations = new ArrayList<>();
        for (int i = 0; i < CAPACITY; i++) {
            generations.add(model.generate(request(1), new RecordingListener()));
        }
        device.awaitHeldStep();
        return generations;
    }

    private static void awaitAll(List<Generation> generations) throws InterruptedException {
        for (Generation generation : generations) {
            assertThat(generation.await().finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    private static GenerationRequest request(int maxTokens) {
        return GenerationRequest.builder()
                .prompt(1)
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }
}
