package io.github.rwkv4j.engine.testing;

import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Generates a million tokens in one session and prints what each tenth of them cost in time and memory. */
public final class LongSession {
    private static final int TOKENS = 1_000_000;
    private static final int WARM_UP = 50_000;

    private LongSession() {}

    /** {@code model.safetensors}. */
    public static void main(String[] arguments) throws IOException {
        try (Rwkv model = Rwkv.open(Path.of(arguments[0]))) {
            try (Session session = model.newSession()) {
                generate(session, WARM_UP);
            }
            System.out.println("tokens      µs per token   resident KB   heap KB after collection");
            try (Session session = model.newSession()) {
                for (int tenth = 1; tenth <= 10; tenth++) {
                    long start = System.nanoTime();
                    generate(session, TOKENS / 10);
                    double micros = (System.nanoTime() - start) / 1e3 / (TOKENS / 10);
                    System.gc();
                    Runtime runtime = Runtime.getRuntime();
                    System.out.printf(
                            "%9d   %12.2f   %11d   %d%n",
                            session.position(),
                            micros,
                            residentKilobytes(),
                            (runtime.totalMemory() - runtime.freeMemory()) / 1024);
                }
            }
        }
    }

    private static void generate(Session session, int tokens) {
        Sampling endless = Sampling.DEFAULT.toBuilder()
                .tokenBias(Map.of(0, Float.NEGATIVE_INFINITY))
                .seed(1)
                .build();
        session.generate(GenerationRequest.builder()
                .prompt(1)
                .sampling(endless)
                .maxTokens(tokens - 1)
                .build());
    }

    private static long residentKilobytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
