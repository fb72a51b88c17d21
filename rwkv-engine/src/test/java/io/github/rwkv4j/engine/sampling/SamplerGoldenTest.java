package io.github.rwkv4j.engine.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.tokenizer.ByteTokenizer;
import io.github.rwkv4j.engine.tokenizer.WorldTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Against the distributions and tokens of the original Python sampler. */
class SamplerGoldenTest {
    record Golden(
            String note,
            List<float[]> rows,
            List<Case> cases,
            int[] ids,
            List<String> texts,
            List<float[]> script,
            List<PenaltyRun> penalty_runs) {}

    record Case(int row, double temperature, double top_p, int top_k, float[] probs) {}

    record PenaltyRun(double presence, double frequency, double decay, int[] ban, int[] tokens) {}

    private static Golden golden;

    @BeforeAll
    static void readGolden() throws IOException {
        try (InputStream json =
                Objects.requireNonNull(SamplerGoldenTest.class.getResourceAsStream("/golden/sampling.json"))) {
            golden = JsonMapper.shared().readValue(json, Golden.class);
        }
    }

    @Test
    void hasTheDistributionOfEveryCase() {
        assertThat(golden.cases()).hasSize(36);
        for (Case c : golden.cases()) {
            float[] logits = golden.rows().get(c.row()).clone();
            Sampling settings = Sampling.builder()
                    .temperature(c.temperature())
                    .topP(c.top_p())
                    .topK(c.top_k())
                    .presencePenalty(0)
                    .frequencyPenalty(0)
                    .build();
            Sampler sampler = new Sampler(settings, new SamplingVocabulary(new ByteTokenizer(), logits.length));
            float[] expected = c.probs().clone();
            if (c.temperature() == 0) {
                // The original draws among equal maxima; greedy takes the first of them.
                int first = 0;
                while (expected[first] == 0) {
                    first++;
                }
                Arrays.fill(expected, 0);
                expected[first] = 1;
            }
            float[] actual = sampler.distribution(logits);
            if (c.row() == 1 && c.top_k() > 0) {
                // Which of the equal tokens top-k leaves is arbitrary.
                Arrays.sort(actual);
                Arrays.sort(expected);
            }
            for (int id = 0; id < expected.length; id++) {
                assertThat(actual[id]).as("%s, id %d", settings, id).isCloseTo(expected[id], within(1e-6f));
                assertThat(actual[id] > 0).as("%s, id %d", settings, id).isEqualTo(expected[id] > 0);
            }
        }
    }

    @Test
    void penalisesAsTheOriginalPipeline() {
        SamplingVocabulary vocabulary = new SamplingVocabulary(new WorldTokenizer(tokens()), 65536);
        assertThat(golden.penalty_runs()).hasSize(5);
        for (PenaltyRun run : golden.penalty_runs()) {
            Map<Integer, Float> ban = new HashMap<>();
            for (int id : run.ban()) {
                ban.put(id, Float.NEGATIVE_INFINITY);
            }
            Sampling settings = Sampling.builder()
                    .temperature(0)
                    .presencePenalty(run.presence())
                    .frequencyPenalty(run.frequency())
                    .penaltyDecay(run.decay())
                    .tokenBias(ban)
                    .build();
            Sampler sampler = new Sampler(settings, vocabulary);
            int[] actual = new int[golden.script().size()];
            for (int step = 0; step < actual.length; step++) {
                float[] logits = new float[65536];
                Arrays.fill(logits, -30);
                for (int i = 0; i < golden.ids().length; i++) {
                    logits[golden.ids()[i]] = golden.script().get(step)[i];
                }
                actual[step] = sampler.sample(logits);
            }
            assertThat(actual).as("%s", settings).containsExactly(run.tokens());
        }
    }

    /** The tokens of the World vocabulary that the script speaks of, at their ids. */
    private static byte[][] tokens() {
        byte[][] tokens = new byte[65536][0];
        for (int b = 0; b < 256; b++) {
            tokens[b + 1] = new byte[] {(byte) b};
        }
        for (int i = 0; i < golden.ids().length; i++) {
            tokens[golden.ids()[i]] = golden.texts().get(i).getBytes(StandardCharsets.UTF_8);
        }
        return tokens;
    }
}
