package io.github.rwkv4j.examples.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.Rwkv;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a client without a memory of ours, who sends the whole conversation each time, need not wait for. */
class CachedTokensTest {
    private static final JsonMapper JSON = new JsonMapper();

    @TempDir
    private Path directory;

    private final List<Map<String, String>> messages = new ArrayList<>();

    @Test
    void areAllButTheNewOnesAlsoAfterARestart() throws Exception {
        int first;
        try (ConfigurableApplicationContext application = start()) {
            JsonNode usage = say(application, "My name is Clara.");
            assertThat(cached(usage)).isZero();
            first = usage.path("prompt_tokens").asInt();

            JsonNode second = say(application, "What is 3 plus 4?");
            assertThat(cached(second))
                    .isEqualTo(second.path("prompt_tokens").asInt() - tokens(application, messages.get(2)));
            assertThat(cached(second)).isGreaterThan(first);
        }

        try (ConfigurableApplicationContext application = start()) {
            JsonNode third = say(application, "What is my name?");

            assertThat(messages.getLast()).containsEntry("content", "Your name is Clara.");
            assertThat(cached(third))
                    .isEqualTo(third.path("prompt_tokens").asInt() - tokens(application, messages.get(4)));
            messages.set(1, Map.of("role", "assistant", "content", "Hello!"));
            assertThat(cached(say(application, "What is my name?"))).isZero();
        }
    }

    private ConfigurableApplicationContext start() {
        return SpringApplication.run(
                ChatApplication.class,
                "--server.port=0",
                "--rwkv.state.store=disk",
                "--rwkv.state.directory=" + directory.resolve("states"));
    }

    /** Says the next thing and returns what that has cost. */
    private JsonNode say(ConfigurableApplicationContext application, String text) throws Exception {
        messages.add(Map.of("role", "user", "content", text));
        String body = JSON.writeValueAsString(Map.of("model", "rwkv-demo", "messages", messages));
        String port = application.getEnvironment().getRequiredProperty("local.server.port");
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://localhost:%s/v1/chat/completions".formatted(port)))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            JsonNode completion = JSON.readTree(response.body());
            String answer = completion.at("/choices/0/message/content").asString();
            messages.add(Map.of("role", "assistant", "content", answer));
            return completion.path("usage");
        }
    }

    /** Tokens of a question and the label that opens its answer. */
    private static int tokens(ConfigurableApplicationContext application, Map<String, String> question) {
        String turn = "User: %s\n\nAssistant:".formatted(question.get("content"));
        return application.getBean(Rwkv.class).tokenizer().encode(turn).length;
    }

    private static int cached(JsonNode usage) {
        return usage.at("/prompt_tokens_details/cached_tokens").asInt();
    }
}
