package io.github.rwkv4j.examples.bench;

import java.util.Locale;

/**
 * What was measured.
 *
 * @param model file name
 * @param implementation device and kernels
 * @param threads worker threads
 * @param sessions sessions served together
 * @param loadSeconds opening the model
 * @param prefillTokensPerSecond prompt tokens, all sessions together
 * @param decodeTokensPerSecond generated tokens, all sessions together
 * @param firstTokenSeconds from the call that opens the model to the first token of a prompt of one token
 * @param peakRssBytes most memory resident, mapped pages of the model file included
 * @param peakAnonymousBytes most memory that the system can't drop and read again from a file
 */
record Measurement(
        String model,
        String implementation,
        int threads,
        int sessions,
        double loadSeconds,
        double prefillTokensPerSecond,
        double decodeTokensPerSecond,
        double firstTokenSeconds,
        long peakRssBytes,
        long peakAnonymousBytes) {

    String table() {
        return String.format(
                Locale.ROOT,
                """
                model            %s
                implementation   %s, %d threads
                sessions         %d
                load             %.2f s
                first token      %.2f s after the call that opens the model
                prefill          %.1f tokens/s
                decode           %.1f tokens/s
                peak memory      %d MiB resident, %d MiB of it anonymous""",
                model,
                implementation,
                threads,
                sessions,
                loadSeconds,
                firstTokenSeconds,
                prefillTokensPerSecond,
                decodeTokensPerSecond,
                peakRssBytes >> 20,
                peakAnonymousBytes >> 20);
    }
}
