package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Opens a model and times rounds of prefill and decode. */
record Benchmark(
        Path file, RwkvOptions.Builder options, int prompt, int generate, int sessions, int rounds, int warmupSeconds) {
    /** Greedy, and the text never ends early. */
    private static final Sampling ENDLESS = Sampling.GREEDY.toBuilder()
            .tokenBias(Map.of(0, Float.NEGATIVE_INFINITY))
            .build();

    /** Seconds of one round. */
    private record Round(double prefill, double decode) {}

    Measurement run() throws Exception {
        try (MemoryWatch memory = new MemoryWatch()) {
            long start = System.nanoTime();
            try (Rwkv model = ModelWithoutText.open(file, options)) {
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
