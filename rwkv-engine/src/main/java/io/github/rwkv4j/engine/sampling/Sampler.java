package io.github.rwkv4j.engine.sampling;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.RwkvException;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Draws the tokens of one answer as RWKV's own sampler does: bans and biases, penalties, softmax without temperature,
 * top-p, top-k, and the temperature last (spec: sampling). It remembers what it drew, for the penalties; the prompt
 * does not count. Not thread-safe.
 */
public final class Sampler {
    private final Sampling settings;
    private final SamplingVocabulary vocabulary;
    private final int[] biasedIds;
    private final float[] biases;
    private final PenaltyTable penalties = new PenaltyTable();
    private final Candidates candidates;
    private final SplittableRandom random;

    /** @throws InvalidRequestException if {@link Sampling#tokenBias} names an id that the model does not have */
    public Sampler(Sampling settings, SamplingVocabulary vocabulary) {
        this.settings = settings;
        this.vocabulary = vocabulary;
        this.biasedIds = new int[settings.tokenBias().size()];
        this.biases = new float[biasedIds.length];
        int count = 0;
        for (Map.Entry<Integer, Float> bias : settings.tokenBias().entrySet()) {
            int id = bias.getKey();
            if (id < 0 || id >= vocabulary.size()) {
                throw new InvalidRequestException(
                        "tokenBias names id %d, but the model's ids are 0 to %d".formatted(id, vocabulary.size() - 1));
            }
            biasedIds[count] = id;
            biases[count++] = bias.getValue();
        }
        this.candidates = new Candidates(isGreedy() ? 0 : vocabulary.size());
        this.random = settings.seed().isPresent()
                ? new SplittableRandom(settings.seed().getAsLong())
                : new SplittableRandom();
    }

    /**
     * Draws the next token and remembers it.
     *
     * @param logits one for each id of the model; overwritten
     * @throws InvalidRequestException if {@link Sampling#tokenBias} bans every token
     * @throws RwkvException if no logit is a finite number, or one is infinite
     */
    public int sample(float[] logits) {
        adjust(logits);
        int likeliest = argmax(logits);
        int token = isGreedy() ? likeliest : draw(logits, likeliest);
        penalties.count(token, vocabulary.isRepeatable(token) ? 0 : 1, settings.penaltyDecay());
        return token;
    }

    /** The probabilities that {@link #sample} draws from, by id; it neither draws nor remembers. */
    float[] distribution(float[] logits) {
        float[] distribution = new float[logits.length];
        adjust(logits);
        int likeliest = argmax(logits);
        if (isGreedy()) {
            distribution[likeliest] = 1;
            return distribution;
        }
        double total = weigh(logits, likeliest);
        for (int i = 0; i < candidates.size(); i++) {
            int id = candidates.id(i);
            distribution[id] = (float) (logits[id] / total);
        }
        return distribution;
    }

    private boolean isGreedy() {
        return settings.temperature() == 0;
    }

    private void adjust(float[] logits) {
        if (logits.length != vocabulary.size()) {
            throw new RwkvException("Found %d logits, expected one for each of the model's %d ids"
                    .formatted(logits.length, vocabulary.size()));
        }
        for (int id : vocabulary.banned()) {
            logits[id] = Float.NEGATIVE_INFINITY;
        }
        for (int i = 0; i < biasedIds.length; i++) {
            logits[biasedIds[i]] += biases[i];
        }
        penalties.apply(logits, settings.presencePenalty(), settings.frequencyPenalty());
    }

    /** The id of the largest logit, the lowest on ties; NaN is passed over. */
    private static int argmax(float[] logits) {
        int best = -1;
        float largest = Float.NEGATIVE_INFINITY;
        for (int id = 0; id < logits.length; id++) {
            if (logits[id] > largest) {
                largest = logits[id];
                best = id;
            }
        }
        if (best < 0 || largest == Float.POSITIVE_INFINITY) {
            throw noneToDraw(logits);
        }
        return best;
    }

    private static RwkvException noneToDraw(float[] logits) {
        for (int id = 0; id < logits.length; id++) {
            if (Float.isNaN(logits[id]) || logits[id] == Float.POSITIVE_INFINITY) {
                return new RwkvException(
                        "No token can be drawn: the logit of id %d is %s, expected finite numbers; the weights or the restored state are damaged"
                                .formatted(id, logits[id]));
            }
        }
        return new InvalidRequestException(
                "No token can be drawn: every one is banned; leave at least one in tokenBias");
    }

    private int draw(float[] logits, int likeliest) {
        double left = random.nextDouble() * weigh(logits, likeliest);
        for (int i = 0; i < candidates.size(); i++) {
            int id = candidates.id(i);
            left -= logits[id];
            if (left < 0) {
                return id;
            }
        }
        // Only rounding in the subtractions leads here.
        return likeliest;
    }

    /** Selects the candidates and turns their logits into weights for the draw; returns the sum of these. */
    private double weigh(float[] logits, int likeliest) {
        softmax(logits, logits[likeliest]);
        candidates.select(logits, settings.topP(), settings.topK());
        // Relative to the largest, which becomes 1: small temperatures can't make every weight zero.
        float largest = logits[likeliest];
        double exponent = 1 / settings.temperature();
        double total = 0;
        for (int i = 0; i < candidates.size(); i++) {
            int id = candidates.id(i);
            double relative = (double) logits[id] / largest;
            logits[id] = (float) (exponent == 1 ? relative : Math.pow(relative, exponent));
            total += logits[id];
        }
        return total;
    }

    private static void softmax(float[] logits, float largest) {
        double sum = 0;
        for (int id = 0; id < logits.length; id++) {
            float exp = (float) Math.exp(logits[id] - largest);
            logits[id] = exp > 0 ? exp : 0; // also in place of NaN
            sum += logits[id];
        }
        for (int id = 0; id < logits.length; id++) {
            logits[id] = (float) (logits[id] / sum);
        }
    }
}
