package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.Quantization;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** RWKV-7 against what the original package computes, on random weights and on a small trained model. */
class Rwkv7GoldenTest {
    /** The aim for float32 arithmetic, in standard deviations of the logits; the limit is 1e-3. */
    private static final double AIM = 1e-5;

    private static final JsonNode EXPECTED = read(TestData.resource("golden/v7/expected.json"));
    private static final int[] TOKENS = numbers(EXPECTED.get("tokens"));

    @ParameterizedTest
    @ValueSource(
            strings = {"v7/model.safetensors", "v7-pth-bf16/model.pth", "v7-pth-fp16/model.pth", "v7-pth-fp32/model.pth"
            })
    void logitsAndStateAreTheOriginals(String file) {
        try (Feeding model = new Feeding(TestData.resource("golden/" + file), Quantization.NONE)) {
            float[][] logits = model.logits(TOKENS, 1);
            assertThat(deviation(logits, EXPECTED.get("logits")).worst()).isLessThan(AIM);
            int heads = model.config().heads();
            int size = model.config().headSize();
            for (int layer = 0; layer < model.config().layers(); layer++) {
                JsonNode expected = EXPECTED.get("final_state").get(layer);
                String block = "blocks." + layer + ".";
                assertClose(model.state(block + "att.shift"), floats(expected.get("att_shift")));
                assertClose(model.state(block + "ffn.shift"), floats(expected.get("ffn_shift")));
                float[] byKey = transposed(model.state(block + "att.state"), heads, size);
                assertClose(byKey, floats(expected.get("att_state")));
            }
        }
    }

    @Test
    void prefillInAnyChunkingEqualsTokenByToken() {
        try (Feeding model = new Feeding(TestData.resource("golden/v7/model.safetensors"), Quantization.NONE)) {
            float[][] oneByOne = model.logits(TOKENS, 1);
            float[] state = model.state("blocks.2.att.state");
            SplittableRandom random = new SplittableRandom(7);
            for (int trial = 0; trial < 40; trial++) {
                int[] chunks = random.ints(5, 1, 65).toArray();
                assertThat(model.logits(TOKENS, chunks))
                        .as(Arrays.toString(chunks))
                        .isDeepEqualTo(oneByOne);
                assertThat(model.state("blocks.2.att.state")).isEqualTo(state);
            }
        }
    }

    /** What 8 bits of weights and activations cost on random weights: the stated limit is 0.06 standard deviations. */
    @Test
    void eightBitsStayNearTheOriginal() {
        try (Feeding model = new Feeding(TestData.resource("golden/v7/model.safetensors"), Quantization.Q8_0)) {
            Deviation deviation = deviation(model.logits(TOKENS, 5, 1), EXPECTED.get("logits"));
            assertThat(deviation.rootMeanSquare()).isBetween(1e-4, 0.06);
        }
    }

    @Test
    void theTrainedModelGivesUpstreamsLogitsAndText() throws IOException {
        Path file = TestData.shared("golden/rwkv.cpp-tiny/tiny-rwkv-7v0-834K.safetensors");
        ByteBuffer upstream = ByteBuffer.wrap(
                        Files.readAllBytes(TestData.shared("golden/rwkv.cpp-tiny/expected-logits-7v0-834K.bin")))
                .order(ByteOrder.LITTLE_ENDIAN);
        JsonNode run = read(TestData.shared("golden/rwkv.cpp-tiny/tiny-rwkv-7v0-834K.json"))
                .get("runs")
                .get("official");
        int[] prompt = {'"', 'i', 'n'};
        try (Feeding model = new Feeding(file, Quantization.NONE)) {
            for (int[] chunks : new int[][] {{1}, {3}}) {
                float[] logits = model.logits(prompt, chunks)[2];
                for (int id = 0; id < logits.length; id++) {
                    assertThat(logits[id]).isCloseTo(upstream.getFloat(4 * id), within(1e-5f));
                }
            }
            int[] expected = numbers(run.get("greedy_tokens_64"));
            assertThat(model.greedy(prompt, expected.length)).isEqualTo(expected);
        }
    }

    /** Differences in standard deviations of all expected logits. */
    private record Deviation(double worst, double rootMeanSquare) {}

    private static Deviation deviation(float[][] logits, JsonNode expected) {
        double sum = 0;
        double squares = 0;
        double worst = 0;
        double errors = 0;
        int count = 0;
        for (int i = 0; i < logits.length; i++) {
            float[] row = floats(expected.get(i));
            assertThat(logits[i]).hasSameSizeAs(row);
            for (int id = 0; id < row.length; id++, count++) {
                double error = Math.abs(row[id] - logits[i][id]);
                sum += row[id];
                squares += row[id] * row[id];
                worst = Math.max(worst, error);
                errors += error * error;
            }
        }
        double mean = sum / count;
        double deviation = Math.sqrt(squares / count - mean * mean);
        return new Deviation(worst / deviation, Math.sqrt(errors / count) / deviation);
    }

    /** The file has 7 significant digits; states reach magnitudes of some tens. */
    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(2e-5f * Math.max(1, Math.abs(expected[i]))));
        }
    }

    /** [head][key][value] to [head][value][key]. */
    private static float[] transposed(float[] state, int heads, int size) {
        float[] result = new float[state.length];
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < size; i++) {
                for (int j = 0; j < size; j++) {
                    result[(h * size + i) * size + j] = state[(h * size + j) * size + i];
                }
            }
        }
        return result;
    }

    private static JsonNode read(Path file) {
        return JsonMapper.shared().readTree(file.toFile());
    }

    private static int[] numbers(JsonNode array) {
        return JsonMapper.shared().treeToValue(array, int[].class);
    }

    private static float[] floats(JsonNode array) {
        return JsonMapper.shared().treeToValue(array, float[].class);
    }
}
