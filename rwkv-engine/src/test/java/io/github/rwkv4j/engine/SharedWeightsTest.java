package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One pass over the weights serves all sessions. */
@Timeout(60)
class SharedWeightsTest {
    private final ObservedDevice device = new ObservedDevice();
    private Rwkv model;

    @BeforeEach
    void open(@TempDir Path directory) {
        Path file = RandomModel.small(2, 64, 32).write(directory.resolve("model.safetensors"), 1);
        model = Rwkv.open(file, RwkvOptions.builder().threads(1).maxSessions(16).build(), device);
    }

    @AfterEach
    void close() {
        model.close();
    }

    @Test
    void oneSetOfMultiplicationsServesAllSessionsOfAStep() throws InterruptedException {
        model.generate(request(1, 1));
        long perStep = device.multiplications() / device.steps().size();
        long multiplications = device.multiplications();
        int steps = device.steps().size();

        device.hold();
        List<Generation> generations = new ArrayList<>();
        generations.add(start(1, 1));
        device.awaitHeldStep();
        for (int session = 1; session <= 8; session++) {
            generations.add(start(1, session));
        }
        device.open();
        for (Generation generation : generations) {
            generation.await();
        }

        // The held step, then as many as the longest of the eight takes alone.
        assertThat(device.steps().size() - steps).isEqualTo(1 + 8);
        assertThat(device.multiplications() - multiplications).isEqualTo(9 * perStep);
        assertThat(device.steps().subList(steps, steps + 9))
                .extracting(ObservedDevice.Step::sessions)
                .containsExactly(1, 8, 7, 6, 5, 4, 3, 2, 1);
    }

    @Test
    void promptsOfManySessionsAreOneStep() throws InterruptedException {
        device.hold();
        Generation first = start(1, 1);
        device.awaitHeldStep();
        List<Generation> generations = new ArrayList<>();
        for (int session = 0; session < 5; session++) {
            generations.add(start(20, 1));
        }
        device.open();
        first.await();
        for (Generation generation : generations) {
            generation.await();
        }
        assertThat(device.steps()).containsExactly(new ObservedDevice.Step(1, 1), new ObservedDevice.Step(100, 5));
    }

    private Generation start(int promptTokens, int maxTokens) {
        return model.generate(request(promptTokens, maxTokens), new RecordingListener());
    }

    private static GenerationRequest request(int promptTokens, int maxTokens) {
        return GenerationRequest.builder()
                .prompt(new int[promptTokens])
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }
}
