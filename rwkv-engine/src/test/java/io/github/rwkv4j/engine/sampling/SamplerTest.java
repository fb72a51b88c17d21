package io.github.rwkv4j.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.tokenizer.ByteTokenizer;
import io.github.rwkv4j.engine.tokenizer.WorldTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SamplerTest {
    /** Every id below 256 has text; only id 9 and ids 32, 48 to 57 may repeat freely. */
    private static SamplingVocabulary bytes(int size) {
        return new SamplingVocabulary(new ByteTokenizer(), size);
    }

    private static Sampling.Builder noPenalties() {
        return Sampling.builder().presencePenalty(0).frequencyPenalty(0);
    }

    @Test
    void greedyTakesTheLowestIdOnTies() {
        Sampler sampler = new Sampler(Sampling.GREEDY, bytes(4));
        assertThat(sampler.sample(new float[] {1, 2, 2, 0})).isEqualTo(1);
        assertThat(sampler.sample(new float[] {Float.NaN, -3, -2, -2})).isEqualTo(2);
    }

    @Test
    void drawsNoNaN() {
        float nan = Float.NaN;
        Sampler sampler = new Sampler(noPenalties().topP(1).build(), bytes(4));
        assertThat(sampler.distribution(new float[] {nan, 1, nan, 1})).containsExactly(0, 0.5f, 0, 0.5f);
    }

    @Test
    void refusesLogitsThatAreNoNumbers() {
        for (Sampling settings : List.of(Sampling.GREEDY, Sampling.DEFAULT)) {
            Sampler sampler = new Sampler(settings, bytes(2));
            assertThatThrownBy(() -> sampler.sample(new float[] {Float.NaN, Float.NaN}))
                    .isInstanceOf(RwkvException.class)
                    .hasMessageContaining("the logit of id 0 is NaN");
            assertThatThrownBy(() -> sampler.sample(new float[] {0, Float.POSITIVE_INFINITY}))
                    .isInstanceOf(RwkvException.class)
                    .hasMessageContaining("the logit of id 1 is Infinity, expected finite numbers");
            assertThatThrownBy(() -> sampler.sample(new float[3]))
                    .isInstanceOf(RwkvException.class)
                    .hasMessageContaining("Found 3 logits, expected one for each of the model's 2 ids");
        }
    }

    @Test
    void sameSeedDrawsTheSameTokens() {
        List<Integer> first = draws(noPenalties().topP(1).seed(42).build());
        assertThat(draws(noPenalties().topP(1).seed(42).build())).isEqualTo(first);
        assertThat(draws(noPenalties().topP(1).seed(43).build())).isNotEqualTo(first);
        assertThat(draws(noPenalties().topP(1).build()))
                .isNotEqualTo(draws(noPenalties().topP(1).build()));
    }

    private static List<Integer> draws(Sampling settings) {
        Sampler sampler = new Sampler(settings, bytes(256));
        List<Integer> draws = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            draws.add(sampler.sample(new float[256]));
        }
        return draws;
    }

    @Test
    void drawsWithTheProbabilitiesOfTheDistribution() {
        Random random = new Random(3);
        float[] logits = randomLogits(random, 40, 1);
        Sampling settings = noPenalties().topP(0.9).temperature(1.3).seed(11).build();
        float[] expected = new Sampler(settings, bytes(40)).distribution(logits.clone());

        int draws = 100_000;
        int[] counts = new int[40];
        Sampler sampler = new Sampler(settings, bytes(40));
        for (int i = 0; i < draws; i++) {
            counts[sampler.sample(logits.clone())]++;
        }
        double chiSquare = 0;
        int survivors = 0;
        for (int id = 0; id < 40; id++) {
            if (expected[id] == 0) {
                assertThat(counts[id]).isZero();
            } else {
                double mean = (double) expected[id] * draws;
                chiSquare += (counts[id] - mean) * (counts[id] - mean) / mean;
                survivors++;
            }
        }
        assertThat(survivors).isBetween(10, 39);
        // Mean and variance of chi-square with k degrees of freedom are k and 2 k: four standard deviations.
        double degrees = survivors - 1;
        assertThat(chiSquare).isLessThan(degrees + 4 * Math.sqrt(2 * degrees));
    }

    @Test
    void topPOfZeroKeepsOnlyTheLikeliest() {
        Sampler sampler = new Sampler(noPenalties().topP(0).build(), bytes(3));
        assertThat(sampler.distribution(new float[] {0, 1, 0.99f})).containsExactly(0, 1, 0);
        assertThat(sampler.distribution(new float[] {1, 1, 0.99f})).containsExactly(0.5f, 0.5f, 0);
    }

    @Test
    void topPOfOneKeepsEverything() {
        float[] logits = randomLogits(new Random(5), 256, 3);
        float[] kept = new Sampler(noPenalties().topP(1).build(), bytes(256)).distribution(logits.clone());
        double sum = 0;
        for (float p : kept) {
            assertThat(p).isPositive();
            sum += p;
        }
        assertThat(sum).isBetween(1 - 1e-5, 1 + 1e-5);
    }

    @Test
    void topKOfOneIsTheLowestOfTheLikeliestIds() {
        Sampler sampler = new Sampler(noPenalties().topK(1).topP(1).build(), bytes(4));
        assertThat(sampler.distribution(new float[] {0, 3, 3, 3})).containsExactly(0, 1, 0, 0);
    }

    @Test
    void aTinyTemperatureStillDraws() {
        Sampler sampler = new Sampler(noPenalties().topP(1).temperature(1e-6).build(), bytes(3));
        assertThat(sampler.distribution(new float[] {0, 1, 0.9f})).containsExactly(0, 1, 0);
    }

    @Test
    void keepsExactlyWhatAFullSortWould() {
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            int size = 1 + random.nextInt(250);
            float[] logits = randomLogits(random, size, 1 + random.nextInt(4));
            if (random.nextBoolean()) {
                for (int i = 0; i < size; i++) {
                    logits[i] = Math.round(logits[i]); // many ties
                }
            }
            double topP = random.nextInt(5) == 0 ? 1 : random.nextDouble();
            int topK = random.nextBoolean() ? 0 : 1 + random.nextInt(size);
            Sampler sampler = new Sampler(noPenalties().topP(topP).topK(topK).build(), bytes(size));
            assertThat(survivors(sampler.distribution(logits.clone())))
                    .as("seed %d", seed)
                    .isEqualTo(survivorsOfAFullSort(logits, topP, topK));
        }
    }

    private static List<Integer> survivors(float[] distribution) {
        return IntStream.range(0, distribution.length)
                .filter(id -> distribution[id] > 0)
                .boxed()
                .toList();
    }

    private static List<Integer> survivorsOfAFullSort(float[] logits, double topP, int topK) {
        double largest = IntStream.range(0, logits.length)
                .mapToDouble(i -> logits[i])
                .max()
                .orElseThrow();
        double[] p = IntStream.range(0, logits.length)
                .mapToDouble(i -> Math.exp(logits[i] - largest))
                .toArray();
        double total = Arrays.stream(p).sum();
        List<Integer> sorted = IntStream.range(0, p.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -p[id]))
                .toList();
        double cutoff = 0;
        double sum = 0;
        for (int id : sorted) {
            sum += p[id] / total;
            if (topP < 1 && sum >= topP) {
                cutoff = p[id];
                break;
            }
        }
        double least = cutoff;
        return sorted.stream()
                .filter(id -> p[id] >= least)
                .limit(topK == 0 ? p.length : topK)
                .sorted()
                .toList();
    }

    @Test
    void survivesAFlatDistributionOverTheWholeVocabulary() {
        byte[][] tokens = new byte[65536][];
        tokens[0] = new byte[0];
        for (int id = 1; id < tokens.length; id++) {
            tokens[id] = id <= 256 ? new byte[] {(byte) (id - 1)} : new byte[] {'x', (byte) (id >> 8), (byte) id};
        }
        SamplingVocabulary vocabulary = new SamplingVocabulary(new WorldTokenizer(tokens), 65536);
        Sampler sampler = new Sampler(noPenalties().topP(0.85).build(), vocabulary);
        float[] logits = randomLogits(new Random(1), 65536, 0.5f);
        assertThat(survivors(sampler.distribution(logits.clone()))).isEqualTo(survivorsOfAFullSort(logits, 0.85, 0));
    }

    @Test
    void biasesAndBansTokens() {
        Sampling settings = noPenalties()
                .topP(1)
                .tokenBias(Map.of(0, Float.NEGATIVE_INFINITY, 2, (float) Math.log(3)))
                .build();
        Sampler sampler = new Sampler(settings, bytes(3));
        float[] distribution = sampler.distribution(new float[] {100, 0, 0});
        assertThat(distribution[0]).isZero();
        assertThat(distribution[1]).isBetween(0.24999f, 0.25001f);
        assertThat(distribution[2]).isBetween(0.74999f, 0.75001f);
    }

    @Test
    void refusesToBanEverything() {
        Sampling settings = noPenalties()
                .tokenBias(Map.of(0, Float.NEGATIVE_INFINITY, 1, Float.NEGATIVE_INFINITY))
                .build();
        assertThatThrownBy(() -> new Sampler(settings, bytes(2)).sample(new float[] {1, 2}))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("every one is banned");
    }

    @Test
    void refusesABiasThatIsNoNumberOrOfNoToken() {
        for (float bias : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThatThrownBy(
                            () -> Sampling.builder().tokenBias(Map.of(7, bias)).build())
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("tokenBias of id 7 is " + bias);
        }
        for (int id : new int[] {-1, 2}) {
            Sampling settings = Sampling.builder().tokenBias(Map.of(id, 1f)).build();
            assertThatThrownBy(() -> new Sampler(settings, bytes(2)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessage("tokenBias names id %d, but the model's ids are 0 to 1", id);
        }
    }

    @Test
    void neverDrawsPaddingButMayEndTheText() {
        byte[][] tokens = new byte[270][0];
        for (int b = 0; b < 256; b++) {
            tokens[b + 1] = new byte[] {(byte) b};
        }
        tokens[269] = new byte[] {'a', 'b'};
        SamplingVocabulary vocabulary = new SamplingVocabulary(new WorldTokenizer(tokens), 300);
        float[] distribution = new Sampler(noPenalties().topP(1).build(), vocabulary).distribution(new float[300]);
        for (int id = 0; id < 300; id++) {
            boolean isText = id <= 256 || id == 269;
            assertThat(distribution[id] > 0).as("id %d", id).isEqualTo(isText);
        }
    }

    @Test
    void penalisesWhatItDrewWithDecay() {
        Sampling settings = Sampling.builder()
                .temperature(0)
                .presencePenalty(0.5)
                .frequencyPenalty(0.25)
                .penaltyDecay(0.5)
                .build();
        Sampler sampler = new Sampler(settings, bytes(100));
        assertThat(sampler.sample(logit('A', 1))).isEqualTo('A');
        assertThat(sampler.sample(logit('A', 1))).isEqualTo('A');
        // The count of A is 1 * 0.5 + 1: the penalty is 0.5 + 0.25 * 1.5 = 0.875.
        float[] logits = logit('A', 0.9f);
        assertThat(sampler.sample(logits)).isEqualTo('A');
        assertThat(logits['A']).isEqualTo(0.9f - 0.875f);
        assertThat(sampler.sample(logit('A', 0.9f))).isZero();
    }

    @Test
    void presencePenaltyAppliesToDigitsButTheirCountDoesNotGrow() {
        Sampling settings = Sampling.builder()
                .temperature(0)
                .presencePenalty(0.5)
                .frequencyPenalty(100)
                .build();
        Sampler sampler = new Sampler(settings, bytes(100));
        for (int i = 0; i < 5; i++) {
            float[] logits = logit('7', 1);
            assertThat(sampler.sample(logits)).isEqualTo('7');
            assertThat(logits['7']).isEqualTo(i == 0 ? 1 : 0.5f);
        }
    }

    private static float[] logit(int id, float value) {
        float[] logits = new float[100];
        logits[id] = value;
        return logits;
    }

    private static float[] randomLogits(Random random, int size, float scale) {
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            logits[i] = (float) random.nextGaussian() * scale;
        }
        return logits;
    }
}
