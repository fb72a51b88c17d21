package io.github.rwkv4j.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.TestData;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the original implementation of a generation computed (golden/README.md).
 *
 * @param logits after each token
 * @param states parts of the state after the last token, by their names in the engine; none for RWKV-1
 */
record Expected(int[] tokens, float[][] logits, Map<String, float[]> states) {
    /** Differences in standard deviations of all expected logits. */
    record Deviation(double worst, double rootMeanSquare) {}

    /** @param folder such as {@code v5.2} */
    static Expected of(String folder) {
        JsonNode json = read(TestData.resource("golden/" + folder + "/expected.json"));
        Map<String, float[]> states = new LinkedHashMap<>();
        if (json.has("state")) {
            readState(json.get("state"), states);
        }
        if (json.has("final_state")) {
            boolean byValue = json.get("final_state_orientation").asString().contains("i = value");
            for (int layer = 0; layer < json.get("final_state").size(); layer++) {
                JsonNode state = json.get("final_state").get(layer);
                String block = "blocks." + layer + ".";
                int size = numbers(state.get("att_state_shape"))[2];
                float[] matrices = floats(state.get("att_state"));
                states.put(block + "att.shift", floats(state.get("att_shift")));
                states.put(block + "att.state", byValue ? transposed(matrices, size) : matrices);
                states.put(block + "ffn.shift", floats(state.get("ffn_shift")));
            }
        }
        return new Expected(
                numbers(json.get("tokens")),
                JsonMapper.shared().treeToValue(json.get("logits"), float[][].class),
                states);
    }

    /** {"xx": {"att.0": […], …}, "aa": {"att.0": […], …}, …}: the sums of a layer are one part in the engine. */
    private static void readState(JsonNode state, Map<String, float[]> states) {
        for (Map.Entry<String, JsonNode> shift : state.get("xx").properties()) {
            String[] name = shift.getKey().split("\\.");
            states.put("blocks." + name[1] + "." + name[0] + ".shift", floats(shift.getValue()));
        }
        for (Map.Entry<String, JsonNode> part : state.properties()) {
            if (!part.getKey().equals("xx")) {
                for (Map.Entry<String, JsonNode> layer : part.getValue().properties()) {
                    String name = "blocks." + layer.getKey().split("\\.")[1] + ".att.state";
                    float[] before = states.getOrDefault(name, new float[0]);
                    float[] more = floats(layer.getValue());
                    float[] all = Arrays.copyOf(before, before.length + more.length);
                    System.arraycopy(more, 0, all, before.length, more.length);
                    states.put(name, all);
                }
            }
        }
    }

    Deviation deviation(float[][] actual) {
        assertThat(actual).hasDimensions(logits.length, logits[0].length);
        double sum = 0;
        double squares = 0;
        double worst = 0;
        double errors = 0;
        int count = 0;
        for (int i = 0; i < logits.length; i++) {
            for (int id = 0; id < logits[i].length; id++, count++) {
                double error = Math.abs(logits[i][id] - (double) actual[i][id]);
                assertThat(error).isFinite();
                sum += logits[i][id];
                squares += (double) logits[i][id] * logits[i][id];
                worst = Math.max(worst, error);
                errors += error * error;
            }
        }
        double mean = sum / count;
        double deviation = Math.sqrt(squares / count - mean * mean);
        return new Deviation(worst / deviation, Math.sqrt(errors / count) / deviation);
    }

    /** The last two dimensions of [heads][size][size] exchanged. */
    static float[] transposed(float[] matrices, int size) {
        float[] result = new float[matrices.length];
        for (int at = 0; at < matrices.length; at++) {
            int head = at / (size * size);
            int i = at / size % size;
            int j = at % size;
            result[(head * size + j) * size + i] = matrices[at];
        }
        return result;
    }

    static JsonNode read(Path file) {
        return JsonMapper.shared().readTree(file.toFile());
    }

    static int[] numbers(JsonNode array) {
        return JsonMapper.shared().treeToValue(array, int[].class);
    }

    static float[] floats(JsonNode array) {
        return JsonMapper.shared().treeToValue(array, float[].class);
    }
}
