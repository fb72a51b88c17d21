package io.github.rwkv4j.engine;

import java.time.Duration;

/**
 * What was generated.
 *
 * @param text the generated text, without the stop sequence
 * @param tokens every token drawn, those of the stop sequence included
 * @param promptTokens number of tokens of the request's prompt
 * @param finishReason why it ended
 * @param timeToFirstToken from the acceptance of the request to its first token
 * @param total from the acceptance of the request to its end
 */
public record GenerationResult(
        String text,
        int[] tokens,
        int promptTokens,
        FinishReason finishReason,
        Duration timeToFirstToken,
        Duration total) {

    /** Tokens per second after the first one; 0 where fewer than two were drawn. */
    public double tokensPerSecond() {
        double seconds = total.minus(timeToFirstToken).toNanos() / 1e9;
        return tokens.length < 2 || seconds <= 0 ? 0 : (tokens.length - 1) / seconds;
    }
}
