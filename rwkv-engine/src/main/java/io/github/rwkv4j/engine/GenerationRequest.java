package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.util.List;
import java.util.Optional;

/**
 * What to generate.
 *
 * @param prompt token ids that are fed before the first token is drawn; empty only where a session continues what it
 *     generated just before
 * @param sampling how tokens are drawn
 * @param maxTokens most tokens to generate, at least 1
 * @param stopSequences texts that end the generation and are left out of it, wherever token boundaries fall
 * @param stopsAfter when present, stop sequences count only from the end of the first occurrence of this text: the
 *     thinking of a reasoning model may contain blank lines, its answer ends at one
 */
public record GenerationRequest(
        int[] prompt, Sampling sampling, int maxTokens, List<String> stopSequences, Optional<String> stopsAfter) {

    public GenerationRequest {
        prompt = prompt.clone();
        stopSequences = List.copyOf(stopSequences);
        if (maxTokens < 1) {
            throw new InvalidRequestException("maxTokens is %d but must be at least 1".formatted(maxTokens));
        }
        if (stopSequences.stream().anyMatch(String::isEmpty)
                || stopsAfter.filter(String::isEmpty).isPresent()) {
            throw new InvalidRequestException("A stop sequence is empty: leave it out, or name a text");
        }
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Defaults: {@link Sampling#DEFAULT}, 512 tokens, no stop sequence. */
    public static final class Builder {
        private int[] prompt = {};
        private Sampling sampling = Sampling.DEFAULT;
        private int maxTokens = 512;
        private List<String> stopSequences = List.of();
        private Optional<String> stopsAfter = Optional.empty();

        private Builder() {}

        public Builder prompt(int... prompt) {
            this.prompt = prompt;
            return this;
        }

        public Builder sampling(Sampling sampling) {
            this.sampling = sampling;
            return this;
        }

        public Builder maxTokens(int maxTokens) {
            this.maxTokens = maxTokens;
            return this;
        }

        public Builder stopSequences(List<String> stopSequences) {
            this.stopSequences = stopSequences;
            return this;
        }

        public Builder stopsAfter(String stopsAfter) {
            this.stopsAfter = Optional.of(stopsAfter);
            return this;
        }

        public GenerationRequest build() {
            return new GenerationRequest(prompt, sampling, maxTokens, stopSequences, stopsAfter);
        }
    }
}
