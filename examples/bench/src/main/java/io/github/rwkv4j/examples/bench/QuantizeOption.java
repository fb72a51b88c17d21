package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.weights.Quantization;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** How the weights are kept in memory. */
final class QuantizeOption {
    @Option(names = "--quantize", defaultValue = "none", description = "none, q8_0 or q4_0 (default: none).")
    private String quantize = "none";

    Quantization quantization() {
        return Arrays.stream(Quantization.values())
                .filter(quantization -> label(quantization).equals(quantize.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("--quantize is %s but must be %s"
                        .formatted(
                                quantize,
                                Arrays.stream(Quantization.values())
                                        .map(QuantizeOption::label)
                                        .collect(Collectors.joining(" or ")))));
    }

    static String label(Quantization quantization) {
        return quantization.name().toLowerCase(Locale.ROOT);
    }
}
