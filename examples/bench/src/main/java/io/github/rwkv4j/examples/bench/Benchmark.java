package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.errors.VocabularyException;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens a model and times rounds of prefill and decode. */
record Benchmark(
        Path file, RwkvOptions options, int prompt, int generate, int sessions, int rounds, int warmupSeconds) {
    private static final Logger LOG = LoggerFactory.getLogger(Benchmark.class);

    /** Greedy, and the text never ends early. */
    private static final Sampling ENDLESS = Sampling.GREEDY.toBuilder()
            .tokenBias(Map.of(0, Float.NEGATIVE_INFINITY))
            .build();

    /** Seconds of one round. */
    private record Round(double prefill, double decode) {}

    Measurement run() throws Exception {
        try (MemoryWatch memory = new MemoryWatch()) {
            long start = System.nanoTime();
            try (Rwkv model = open()) {
                double load = secondsSince(start);
                model.generate(GenerationRequest.builder()
                        .prompt(1)
                        .sampling(ENDLESS)
                        .maxTokens(1)
                        .build());
                double firstToken = secondsSince(start);
                long warm = System.nanoTime();
                do {
                    round(model);
                } while (secondsSince(warm) < warmupSeconds);
                List<Round> measured = new ArrayList<>();
                for (int i = 0; i < rounds; i++) {
                    measured.add(round(model));
                }
                return new Measurement(
                        file.getFileName().toString(),
                        model.info().implementation(),
                        model.info().threads(),
                        sessions,
                        load,
                        (double) sessions * prompt / median(measured.stream().mapToDouble(Round::prefill)),
                        (double) sessions * generate / median(measured.stream().mapToDouble(Round::decode)),
                        firstToken,
                        memory.peakResidentBytes(),
                        memory.peakAnonymousBytes());
            }
        }
    }

    /** Speed needs no text: a model without a vocabulary runs on single bytes. */
    private Rwkv open() throws IOException {
        try {
            return Rwkv.open(file, options);
        } catch (VocabularyException e) {
            LOG.warn("{}; measuring with a vocabulary of single bytes", e.getMessage());
            Path bytes = Files.createTempFile("bytes", ".txt");
            try {
                Files.writeString(
                        bytes,
                        IntStream.range(0, 256)
                                .mapToObj(b -> "%d b'\\x%02x' 1\n".formatted(b + 1, b))
                                .collect(Collectors.joining()));
                RwkvOptions withBytes = RwkvOptions.builder()
                        .threads(options.threads())
                        .maxSessions(options.maxSessions())
                        .quantization(options.quantization())
                        .vocabulary(bytes)
                        .build();
                return Rwkv.open(file, withBytes);
            } finally {
                Files.delete(bytes);
            }
        }
    }

    private Round round(Rwkv model) throws Exception {
        List<Session> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < sessions; i++) {
                all.add(model.newSession());
            }
            double prefill = time(threads, all, session -> session.logits(tokens(model, all.indexOf(session))));
            GenerationRequest request = GenerationRequest.builder()
                    .prompt(1)
                    .sampling(ENDLESS)
                    .maxTokens(generate)
                    .build();
            double decode = time(threads, all, session -> session.generate(request));
            return new Round(prefill, decode);
        } finally {
            all.forEach(Session::close);
        }
    }

    private interface Work {
        Object on(Session session);
    }

    private static double time(ExecutorService threads, List<Session> sessions, Work work) throws Exception {
        long start = System.nanoTime();
        List<Future<Object>> running = new ArrayList<>();
        for (Session session : sessions) {
            running.add(threads.submit(() -> work.on(session)));
        }
        for (Future<Object> future : running) {
            future.get();
        }
        return secondsSince(start);
    }

    private int[] tokens(Rwkv model, int session) {
        return new SplittableRandom(session)
                .ints(prompt, 1, model.info().vocabularySize())
                .toArray();
    }

    private static double median(java.util.stream.DoubleStream values) {
        double[] sorted = values.sorted().toArray();
        return sorted.length % 2 == 1
                ? sorted[sorted.length / 2]
                : Arrays.stream(sorted, sorted.length / 2 - 1, sorted.length / 2 + 1)
                        .average()
                        .orElseThrow();
    }

    private static double secondsSince(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
