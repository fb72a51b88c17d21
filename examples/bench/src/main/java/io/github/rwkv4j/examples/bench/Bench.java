package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.weights.Quantization;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** The command line. */
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
public final class Bench implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "FILE", description = "Checkpoint (.safetensors, .pth).")
    private Path model = Path.of("");

    @Option(names = "--prompt", defaultValue = "512", description = "Prompt tokens per session (default: 512).")
    private int prompt;

    @Option(names = "--generate", defaultValue = "64", description = "Tokens to generate per session (default: 64).")
    private int generate;

    @Option(names = "--sessions", defaultValue = "1", description = "Sessions at the same time (default: 1).")
    private int sessions;

    @Option(names = "--threads", defaultValue = "0", description = "Worker threads (default: all processors).")
    private int threads;

    @Option(names = "--quantize", defaultValue = "none", description = "none or q8_0 (default: none).")
    private String quantize = "none";

    @Option(names = "--rounds", defaultValue = "5", description = "Measured rounds (default: 5).")
    private int rounds;

    @Option(names = "--warmup", defaultValue = "10", description = "Least seconds of warm-up (default: 10).")
    private int warmup;

    @Option(names = "--as-is", description = "Stay in the JVM as it was started, on scalar kernels too.")
    private boolean asIs;

    @Option(names = "--json", description = "Print exactly one line: a JSON object.")
    private boolean json;

    private final String[] arguments;

    private Bench(String[] arguments) {
        this.arguments = arguments;
    }

    public static void main(String[] arguments) {
        CommandLine commandLine = new CommandLine(new Bench(arguments));
        commandLine.setExecutionExceptionHandler((e, command, _) -> {
            if (e instanceof RwkvException || e instanceof IllegalArgumentException) {
                command.getErr().println(e.getMessage());
                return 1;
            }
            throw e;
        });
        System.exit(commandLine.execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (!asIs && !MeasuredJvm.isThis()) {
            return MeasuredJvm.run(arguments);
        }
        requirePositive("--prompt", prompt);
        requirePositive("--generate", generate);
        requirePositive("--sessions", sessions);
        requirePositive("--rounds", rounds);
        RwkvOptions options = RwkvOptions.builder()
                .threads(threads)
                .maxSessions(sessions)
                .quantization(quantization())
                .build();
        Measurement measurement = new Benchmark(model, options, prompt, generate, sessions, rounds, warmup).run();
        System.out.println(json ? json(measurement) : measurement.table());
        return 0;
    }

    private Quantization quantization() {
        return switch (quantize.toLowerCase(Locale.ROOT)) {
            case "none" -> Quantization.NONE;
            case "q8_0" -> Quantization.Q8_0;
            default ->
                throw new IllegalArgumentException("--quantize is %s but must be none or q8_0".formatted(quantize));
        };
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
