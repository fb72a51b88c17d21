package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.testing.Repository;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The engine's golden models and what they compute. */
public final class Golden {
    private Golden() {}

    /** A file of the golden data, such as {@code v7/model.safetensors}. */
    public static Path file(String name) {
        return Repository.path("rwkv-engine/src/test/resources/golden/" + name);
    }

    public static int[] tokens(String generation) {
        return JsonMapper.shared().treeToValue(expected(generation).get("tokens"), int[].class);
    }

    /** After each token. */
    public static float[][] logits(String generation) {
        return JsonMapper.shared().treeToValue(expected(generation).get("logits"), float[][].class);
    }

    private static JsonNode expected(String generation) {
        return JsonMapper.shared().readTree(file(generation + "/expected.json").toFile());
    }

    /** Tokens as an option takes them. */
    public static String joined(int[] tokens) {
        return IntStream.of(tokens).mapToObj(Integer::toString).collect(Collectors.joining(","));
    }
}
