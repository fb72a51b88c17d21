package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.langchain4j.ChatModelBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What an editor shows while somebody writes {@code application.properties}. */
class ConfigurationMetadataTest {
    @Test
    void describesEveryProperty() throws IOException {
        Map<String, JsonNode> properties = properties();

        assertThat(properties)
                .hasSize(33)
                .allSatisfy((name, property) -> assertThat(
                                property.path("description").asString(""))
                        .as(name)
                        .matches("(?s)[A-Z].*\\."));
    }

    @Test
    void tellsTheEnginesDefaults() throws IOException {
        Map<String, Object> defaults = new HashMap<>();
        properties().forEach((name, property) -> {
            if (property.has("defaultValue") && !property.path("defaultValue").isArray()) {
                defaults.put(name, property.path("defaultValue").asString());
            }
        });

        RwkvOptions options = RwkvOptions.DEFAULT;
        assertThat(defaults)
                .containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                        Map.entry("rwkv.quantization", "none"),
                        Map.entry("rwkv.threads", String.valueOf(options.threads())),
                        Map.entry("rwkv.max-sessions", String.valueOf(options.maxSessions())),
                        Map.entry("rwkv.queue-capacity", String.valueOf(options.queueCapacity())),
                        Map.entry("rwkv.prefill-rows", String.valueOf(options.prefillRows())),
                        Map.entry("rwkv.demo.enabled", "true"),
                        Map.entry("rwkv.chat.top-k", String.valueOf(Sampling.DEFAULT.topK())),
                        Map.entry("rwkv.chat.penalty-decay", String.valueOf(Sampling.DEFAULT.penaltyDecay())),
                        Map.entry(
                                "rwkv.chat.max-output-tokens",
                                String.valueOf(ChatModelBuilder.DEFAULT_MAX_OUTPUT_TOKENS)),
                        Map.entry("rwkv.chat.thinking", "off"),
                        Map.entry("rwkv.embedding.pooling", "mean"),
                        Map.entry("rwkv.state.store", "memory"),
                        Map.entry("rwkv.state.encoding", "fp32"),
                        Map.entry("rwkv.state.remember-evicted", "true"),
                        Map.entry("rwkv.state.timeout", "5s"),
                        Map.entry("rwkv.state.retry-after", "10s"),
                        Map.entry("rwkv.state.jdbc.create-schema", "true"),
                        Map.entry("rwkv.state.redis.name", "rwkv")));
    }

    private static Map<String, JsonNode> properties() throws IOException {
        String file = "/META-INF/spring-configuration-metadata.json";
        Map<String, JsonNode> properties = new HashMap<>();
        try (InputStream in = Objects.requireNonNull(RwkvProperties.class.getResourceAsStream(file), file)) {
            for (JsonNode property : new JsonMapper().readTree(in).path("properties")) {
                if (property.path("name").asString().startsWith("rwkv.")) {
                    properties.put(property.path("name").asString(), property);
                }
            }
        }
        return properties;
    }
}
