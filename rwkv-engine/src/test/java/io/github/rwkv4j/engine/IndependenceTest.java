package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.weights.Quantization;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a session computes is the same bit for bit whoever else is served, in whatever steps, by however many threads. */
@Timeout(120)
class IndependenceTest {
    private static final int COMPANIES = 4;
    private static final int[] PREFILL_ROWS = {1, 7, 32, 256};

    @TempDir
    private Path directory;

    static Stream<Arguments> models() {
        return Stream.of(
                        new RandomModel(1, 512, 64, 1025, 256, 16, 16, 8, 24),
                        new RandomModel(2, 96, 32, 33, 256, 16, 16, 8, 24),
                        new RandomModel(2, 96, 96, 193, 256, 5, 7, 9, 33))
                .flatMap(sizes -> Arrays.stream(Quantization.values()).map(type -> Arguments.of(sizes, type)));
    }

    /** What the watched sessions of a company compute. */
    private record Watched(int[] bits, int[] tokens, String text) {}

    @ParameterizedTest
    @MethodSource("models")
    void logitsAndTextAreTheSameInAnyCompany(RandomModel sizes, Quantization quantization) throws Exception {
        Path file = sizes.write(directory.resolve("model.safetensors"), 7);
        Random random = new Random(sizes.hashCode() * 31L + quantization.ordinal());
        int[] prompt = tokens(random, 45);
        Watched alone;
        try (Rwkv model = Rwkv.open(file, options(quantization, 1, 1))) {
            alone = tokenByToken(model, prompt);
        }
        for (int company = 0; company < COMPANIES; company++) {
            int prefillRows = PREFILL_ROWS[(company + quantization.ordinal()) % PREFILL_ROWS.length];
            int threads = 1 + company / 2 % 2;
            int others = company == 0 ? 63 : random.nextInt(24);
            try (Rwkv model = Rwkv.open(file, options(quantization, threads, prefillRows))) {
                assertThat(inCompany(model, prompt, others, random))
                        .as("%d others, %d rows, %d threads", others, prefillRows, threads)
                        .satisfies(watched -> {
                            assertThat(watched.bits()).isEqualTo(alone.bits());
                            assertThat(watched.tokens()).isEqualTo(alone.tokens());
                            assertThat(watched.text()).isEqualTo(alone.text());
                        });
            }
        }
    }

    private static RwkvOptions options(Quantization quantization, int threads, int prefillRows) {
        return RwkvOptions.builder()
                .quantization(quantization)
                .threads(threads)
                .prefillRows(prefillRows)
                .build();
    }

    private static Watched tokenByToken(Rwkv model, int[] prompt) {
        try (Session session = model.newSession()) {
            int[] bits = new int[0];
            for (int token : prompt) {
                bits = append(bits, session.logits(token));
            }
            GenerationResult result = model.generate(greedy(prompt));
            return new Watched(bits, result.tokens(), result.text());
        }
    }

    private static Watched inCompany(Rwkv model, int[] prompt, int others, Random random) throws Exception {
        List<Callable<GenerationResult>> company = new ArrayList<>();
        for (int i = 0; i < others; i++) {
            GenerationRequest request = GenerationRequest.builder()
                    .prompt(tokens(random, 1 + random.nextInt(12)))
                    .maxTokens(1 + random.nextInt(12))
                    .sampling(Sampling.builder().seed(i).build())
                    .build();
            long arrival = random.nextInt(3_000_000);
            company.add(() -> {
                LockSupport.parkNanos(arrival);
                return model.generate(request);
            });
        }
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
                Session session = model.newSession()) {
            Future<GenerationResult> generated = threads.submit(() -> model.generate(greedy(prompt)));
            List<Future<GenerationResult>> served =
                    company.stream().map(threads::submit).toList();
            int[] bits = new int[0];
            for (float[] logits : session.logitsOfEach(prompt)) {
                bits = append(bits, logits);
            }
            for (Future<GenerationResult> other : served) {
                other.get();
            }
            return new Watched(bits, generated.get().tokens(), generated.get().text());
        }
    }

    private static GenerationRequest greedy(int[] prompt) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .sampling(Sampling.GREEDY)
                .maxTokens(25)
                .build();
    }

    private static int[] tokens(Random random, int count) {
        return random.ints(count, 0, 256).toArray();
    }

    private static int[] append(int[] bits, float[] logits) {
        int[] all = Arrays.copyOf(bits, bits.length + logits.length);
        for (int i = 0; i < logits.length; i++) {
            all[bits.length + i] = Float.floatToIntBits(logits[i]);
        }
        return all;
    }
}
