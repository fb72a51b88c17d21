package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is opened is given back. */
@Timeout(120)
class ResourceTest {
    private static final int OPENINGS = 100;

    @TempDir
    private Path directory;

    private Path file;

    @BeforeEach
    void write() {
        file = RandomModel.small(2, 64, 32).write(directory.resolve("model.safetensors"), 1);
    }

    @Test
    void closingGivesBackThreadsMappingsAndMemory() throws IOException {
        requireProc();
        openOften(this::openUseAndClose);
    }

    @Test
    void aFailedOpeningGivesBackThreadsMappingsAndMemory() throws IOException {
        requireProc();
        Map<String, Tensor> tensors =
                new LinkedHashMap<>(RandomModel.small(2, 64, 32).tensors(1));
        tensors.remove("head.weight");
        Safetensors.write(file, tensors.values());
        openOften(() -> assertThatThrownBy(() -> Rwkv.open(file, options())).isInstanceOf(CheckpointException.class));
    }

    private void openOften(Runnable opening) throws IOException {
        for (int i = 0; i < OPENINGS; i++) {
            opening.run();
        }
        long before = addressSpace();
        for (int i = 0; i < OPENINGS; i++) {
            opening.run();
        }
        // A model's buffers take about 8 MiB: leaked each time, they would be 800.
        assertThat(addressSpace() - before).isLessThan(OPENINGS * (2L << 20));
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("rwkv-scheduler") || name.startsWith("rwkv-worker"));
        assertThat(Files.readAllLines(Path.of("/proc/self/maps")))
                .noneMatch(line -> line.contains("model.safetensors"));
    }

    private void openUseAndClose() {
        try (Rwkv model = Rwkv.open(file, options());
                Session session = model.newSession()) {
            assertThat(session.generate(request(2)).tokens()).hasSize(2);
            model.newSession();
        }
    }

    private static RwkvOptions options() {
        return RwkvOptions.builder().threads(2).prefillRows(1024).build();
    }

    @Test
    void sessionsAndRequestsGiveBackTheirStates() throws InterruptedException {
        ObservedDevice device = new ObservedDevice();
        try (Rwkv model = Rwkv.open(file, RwkvOptions.builder().threads(1).build(), device);
                Session last = model.newSession()) {
            for (int i = 0; i < 100; i++) {
                try (Session session = model.newSession();
                        Session fork = session.fork()) {
                    fork.logits(1);
                    model.generate(request(2));
                    model.embed(List.of("a", "b"), Pooling.MEAN);
                }
            }
            Session open = model.newSession();
            // States are freed between two steps, in order: after this one's turn they are.
            last.readState(0, 1);
            assertThat(device.liveStates()).isEqualTo(2);
            assertThat(open.position()).isZero();
        }
        assertThat(device.liveStates()).isZero();
    }

    private static GenerationRequest request(int maxTokens) {
        return GenerationRequest.builder()
                .prompt(1, 2, 3)
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }

    private static void requireProc() {
        Assumptions.assumeTrue(
                Files.isReadable(Path.of("/proc/self/maps")), "this system has no /proc to see a process's memory in");
    }

    /** Unlike what is resident, it doesn't change with the Java heap, whose addresses are taken at the start. */
    private static long addressSpace() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmSize:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .sum();
    }
}
