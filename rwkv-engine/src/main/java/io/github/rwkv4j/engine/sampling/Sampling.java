package io.github.rwkv4j.engine.sampling;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import java.util.Map;
import java.util.OptionalLong;

/**
 * How the next token is drawn. The order of RWKV's own sampler: penalties, softmax, top-p, top-k, and the temperature
 * last, on what those have left (spec: sampling).
 *
 * @param temperature 0 is greedy: the most likely token, the lowest id on ties
 * @param topP keeps the most likely tokens whose probabilities reach this sum; 1 keeps all, 0 only the likeliest
 * @param topK keeps at most this many tokens; 0 is no limit
 * @param presencePenalty subtracted from the logit of every token generated before
 * @param frequencyPenalty subtracted from it once more for each time it was generated
 * @param penaltyDecay what each count is multiplied by with every new token, from 0 to 1
 * @param seed of the random numbers: the same seed gives the same text; empty takes a fresh one for each request
 * @param tokenBias added to the logits of these ids; negative infinity bans a token
 */
public record Sampling(
        double temperature,
        double topP,
        int topK,
        double presencePenalty,
        double frequencyPenalty,
        double penaltyDecay,
        OptionalLong seed,
        Map<Integer, Float> tokenBias) {

    /** The settings of RWKV's own library: temperature 1, top-p 0.85, penalties 0.2 and 0.2, decay 0.996. */
    public static final Sampling DEFAULT = builder().build();

    /** Always the most likely token, without penalties. */
    public static final Sampling GREEDY =
            builder().temperature(0).presencePenalty(0).frequencyPenalty(0).build();

    public Sampling {
        require(temperature >= 0 && temperature <= 100, "temperature", temperature, "from 0 to 100");
        require(topP >= 0 && topP <= 1, "topP", topP, "from 0 to 1");
        require(topK >= 0, "topK", topK, "0 (no limit) or more");
        require(Math.abs(presencePenalty) <= 100, "presencePenalty", presencePenalty, "from -100 to 100");
        require(Math.abs(frequencyPenalty) <= 100, "frequencyPenalty", frequencyPenalty, "from -100 to 100");
        require(penaltyDecay >= 0 && penaltyDecay <= 1, "penaltyDecay", penaltyDecay, "from 0 to 1");
        tokenBias = Map.copyOf(tokenBias);
        tokenBias.forEach((id, bias) -> require(
                bias < Float.POSITIVE_INFINITY,
                "tokenBias of id " + id,
                bias,
                "a number, or negative infinity to ban"));
    }

    private static void require(boolean holds, String name, Number value, String range) {
        if (!holds) {
            throw new InvalidRequestException("%s is %s but must be %s".formatted(name, value, range));
        }
    }

    public static Builder builder() {
        return new Builder();
    }

    public Builder toBuilder() {
        Builder builder = builder()
                .temperature(temperature)
                .topP(topP)
                .topK(topK)
                .presencePenalty(presencePenalty)
                .frequencyPenalty(frequencyPenalty)
                .penaltyDecay(penaltyDecay)
                .tokenBias(tokenBias);
        seed.ifPresent(builder::seed);
        return builder;
    }

    /** Starts from {@link Sampling#DEFAULT}. */
    public static final class Builder {
        private double temperature = 1.0;
        private double topP = 0.85;
        private int topK = 0;
        private double presencePenalty = 0.2;
        private double frequencyPenalty = 0.2;
        private double penaltyDecay = 0.996;
        private OptionalLong seed = OptionalLong.empty();
        private Map<Integer, Float> tokenBias = Map.of();

        private Builder() {}

        public Builder temperature(double temperature) {
            this.temperature = temperature;
            return this;
        }

        public Builder topP(double topP) {
            this.topP = topP;
            return this;
        }

        public Builder topK(int topK) {
            this.topK = topK;
            return this;
        }

        public Builder presencePenalty(double presencePenalty) {
            this.presencePenalty = presencePenalty;
            return this;
        }

        public Builder frequencyPenalty(double frequencyPenalty) {
            this.frequencyPenalty = frequencyPenalty;
            return this;
        }

        public Builder penaltyDecay(double penaltyDecay) {
            this.penaltyDecay = penaltyDecay;
            return this;
        }

        public Builder seed(long seed) {
            this.seed = OptionalLong.of(seed);
            return this;
        }

        public Builder tokenBias(Map<Integer, Float> tokenBias) {
            this.tokenBias = tokenBias;
            return this;
        }

        public Sampling build() {
            return new Sampling(
                    temperature, topP, topK, presencePenalty, frequencyPenalty, penaltyDecay, seed, tokenBias);
        }
    }
}
