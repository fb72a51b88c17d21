package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.RwkvOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** Measures a model. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures an RWKV model on this machine, on random tokens and with greedy decoding.",
            "Speeds are the medians of the rounds after a warm-up; all sessions are served together.",
            "Unless the JVM was started with the Vector API and a heap size (-Xmx), the benchmark starts",
            "itself again with both, so that figures of different machines compare."
        })
final class Bench implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "FILE", description = "Checkpoint.")
    private Path model = Path.of("");

    @Option(names = "--prompt", defaultValue = "512", description = "Prompt tokens per session (default: 512).")
    private int prompt;

    @Option(names = "--generate", defaultValue = "64", description = "Tokens to generate per session (default: 64).")
    private int generate;

    @Option(names = "--sessions", defaultValue = "1", description = "Sessions at the same time (default: 1).")
    private int sessions;

    @Option(names = "--threads", defaultValue = "0", description = "Worker threads (default: all processors).")
    private int threads;

    @Mixin
    private QuantizeOption quantize = new QuantizeOption();

    @Option(names = "--rounds", defaultValue = "5", description = "Measured rounds (default: 5).")
    private int rounds;

    @Option(names = "--warmup", defaultValue = "10", description = "Least seconds of warm-up (default: 10).")
    private int warmup;

    @Option(names = "--as-is", description = "Stay in the JVM as it was started, on scalar kernels too.")
    private boolean asIs;

    @Option(names = "--json", description = "Print exactly one line: a JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws Exception {
        if (!asIs && !MeasuredJvm.isThis()) {
            return MeasuredJvm.run(spec);
        }
        requirePositive("--prompt", prompt);
        requirePositive("--generate", generate);
        requirePositive("--sessions", sessions);
        requirePositive("--rounds", rounds);
        RwkvOptions.Builder options =
                RwkvOptions.builder().threads(threads).maxSessions(sessions).quantization(quantize.quantization());
        Measurement measurement = new Benchmark(model, options, prompt, generate, sessions, rounds, warmup).run();
        System.out.println(json ? json(measurement) : measurement.table());
        return 0;
    }

    private static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new IllegalArgumentException("%s is %d but must be at least 1".formatted(option, value));
        }
    }

    private static String json(Measurement measurement) {
        return JsonMapper.builder()
                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                .build()
                .writeValueAsString(measurement);
    }
}
