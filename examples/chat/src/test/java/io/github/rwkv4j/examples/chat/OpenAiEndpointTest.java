package io.github.rwkv4j.examples.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.rwkv4j.engine.Rwkv;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One request at a time, and none that waits: what is refused and what is freed can be seen from outside. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {"rwkv.max-sessions=1", "rwkv.queue-capacity=0"})
class OpenAiEndpointTest {
    private static final JsonMapper JSON = new JsonMapper();
    private final HttpClient http = HttpClient.newHttpClient();

    @LocalServerPort
    private int port;

    @Autowired
    private Rwkv rwkv;

    @Test
    void answers() throws Exception {
        JsonNode completion = ok(complete(question("What is 12 plus 15?", "")));

        assertThat(completion.path("id").asString()).startsWith("chatcmpl-");
        assertThat(completion.path("object").asString()).isEqualTo("chat.completion");
        assertThat(completion.path("model").asString()).isEqualTo("rwkv-demo");
        JsonNode choice = completion.path("choices").get(0);
        assertThat(choice.path("message").path("role").asString()).isEqualTo("assistant");
        assertThat(choice.path("message").path("content").asString()).isEqualTo("12 plus 15 is 27.");
        assertThat(choice.path("finish_reason").asString()).isEqualTo("stop");
        JsonNode usage = completion.path("usage");
        assertThat(usage.path("prompt_tokens").asInt()).isPositive();
        assertThat(usage.at("/prompt_tokens_details/cached_tokens").isInt()).isTrue();
        assertThat(usage.path("completion_tokens").asInt()).isPositive();
        assertThat(usage.path("total_tokens").asInt())
                .isEqualTo(usage.path("prompt_tokens").asInt()
                        + usage.path("completion_tokens").asInt());
    }

    @Test
    void readsTheWholeConversation() throws Exception {
        String body = """
                {"model": "rwkv-demo", "messages": [
                  {"role": "developer", "content": "You are a helpful assistant."},
                  {"role": "user", "content": [{"type": "text", "text": "My name "}, {"type": "text", "text": "is Clara."}]},
                  {"role": "assistant", "content": "Nice to meet you, Clara."},
                  {"role": "user", "content": "What is my name?"}]}""";

        assertThat(content(ok(complete(body)))).isEqualTo("Your name is Clara.");
    }

    @Test
    void endsAtTheMaximumOfTokens() throws Exception {
        for (String maximum : List.of("max_tokens", "max_completion_tokens")) {
            JsonNode completion = ok(complete(question("Tell me a story.", ", \"%s\": 3".formatted(maximum))));

            assertThat(completion.path("choices").get(0).path("finish_reason").asString())
                    .isEqualTo("length");
            assertThat(completion.path("usage").path("completion_tokens").asInt())
                    .isEqualTo(3);
        }
    }

    @Test
    void endsAtAStopSequenceAndLeavesItOut() throws Exception {
        for (String stop : List.of("\"plus\"", "[\"never\", \"plus\"]")) {
            JsonNode completion = ok(complete(question("What is 12 plus 15?", ", \"stop\": " + stop)));

            assertThat(content(completion).strip()).isEqualTo("12");
            assertThat(completion.path("choices").get(0).path("finish_reason").asString())
                    .isEqualTo("stop");
        }
    }

    @Test
    void drawsTheSameAnswerFromTheSameSeed() throws Exception {
        String sampling = ", \"temperature\": 20, \"top_p\": 1, \"max_tokens\": 20, \"seed\": ";
        String first = content(ok(complete(question("Tell me a story.", sampling + 1))));
        String again = content(ok(complete(question("Tell me a story.", sampling + 1))));
        String other = content(ok(complete(question("Tell me a story.", sampling + 2))));

        assertThat(again).isEqualTo(first);
        assertThat(other).isNotEqualTo(first);
    }

    @Test
    void streamsTheAnswerInPieces() throws Exception {
        HttpResponse<String> response = complete(question("What is 12 plus 15?", ", \"stream\": true"));

        assertThat(response.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/event-stream");
        List<JsonNode> chunks = chunks(response.body());
        assertThat(chunks.getFirst().at("/choices/0/delta/role").asString()).isEqualTo("assistant");
        assertThat(chunks.getLast().at("/choices/0/finish_reason").asString()).isEqualTo("stop");
        assertThat(chunks).hasSizeGreaterThan(5).allSatisfy(chunk -> {
            assertThat(chunk.path("object").asString()).isEqualTo("chat.completion.chunk");
            assertThat(chunk.path("id")).isEqualTo(chunks.getFirst().path("id"));
            assertThat(chunk.has("usage")).isFalse();
        });
        assertThat(chunks.stream()
                        .map(chunk -> chunk.at("/choices/0/delta/content").asString(""))
                        .collect(Collectors.joining()))
                .isEqualTo("12 plus 15 is 27.");
    }

    @Test
    void endsAStreamWithTheCountsWhereAsked() throws Exception {
        String streaming = ", \"stream\": true, \"stream_options\": {\"include_usage\": true}";
        JsonNode last = chunks(complete(question("Hello!", streaming)).body()).getLast();

        assertThat(last.path("choices").isEmpty()).isTrue();
        assertThat(last.at("/usage/total_tokens"))
                .isEqualTo(ok(complete(question("Hello!", ""))).at("/usage/total_tokens"));
        assertThat(last.at("/usage/tokens_per_second").asDouble()).isPositive();
    }

    @Test
    void refusesARequestTooManyAndFreesTheSessionOfAClientThatLeaves() throws Exception {
        HttpResponse<InputStream> endless = http.send(post(endless()), BodyHandlers.ofInputStream());
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(endless.body(), StandardCharsets.UTF_8))) {
            assertThat(reader.readLine()).startsWith("data: ");

            HttpResponse<String> refused = complete(question("Hello!", ""));
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(error(refused).path("code").asString()).isEqualTo("rate_limit_exceeded");
            HttpResponse<String> refusedStream = complete(question("Hello!", ", \"stream\": true"));
            assertThat(refusedStream.statusCode()).isEqualTo(429);
        } // closes the connection

        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(complete(question("Hello!", "")).statusCode())
                        .isEqualTo(200));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            'n': 2                                                        | n               | One choice
            'logprobs': true                                              | logprobs        | Log probabilities
            'top_logprobs': 3                                             | top_logprobs    | Log probabilities
            'tools': [{'type': 'function', 'function': {'name': 'f'}}]    | tools           | Tools are not supported
            'functions': [{'name': 'f'}]                                  | functions       | Functions are not supported
            'response_format': {'type': 'json_object'}                    | response_format | plain text
            'audio': {'voice': 'alloy'}                                   | audio           | Audio is not supported
            'temperature': -1                                             |                 | temperature is -1.0 but must be
            'top_p': 2                                                    |                 | topP is 2.0 but must be
            'max_tokens': 0                                               |                 | but must be at least 1
            'stop': [null]                                                | stop            | stop must be a text
            'logit_bias': {'7': null}                                     | logit_bias      | must be a number
            'temperature': 'hot'                                          | temperature     | wrong type
            'stop': ''                                                    |                 | stop sequence is empty
            """)
    void refusesInWordsWhatItCannotDo(String field, String parameter, String words) throws Exception {
        String more = ", " + field.replace('\'', '"');
        for (String streaming : List.of("", ", \"stream\": true")) {
            HttpResponse<String> response = complete(question("Hello!", more + streaming));

            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(error(response).path("message").asString()).contains(words);
            assertThat(error(response).path("type").asString()).isEqualTo("invalid_request_error");
            assertThat(error(response).path("param").asString("")).isEqualTo(parameter == null ? "" : parameter);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            {'messages': [{'role': 'user', 'content': 'Hello!'}]}     | model    | this server has 'rwkv-demo'
            {'model': 'rwkv-demo'}                                    | messages | at least one message
            {'model': 'rwkv-demo', 'messages': []}                    | messages | at least one message
            {'model': 'rwkv-demo', 'messages': [null]}                | messages | at least one message
            {'model': 'rwkv-demo', 'messages': [{'content': 'Hi'}]}   | messages | no role
            {'model': 'rwkv-demo', 'messages': [{'role': 'tool', 'content': '4'}]} | messages | The role 'tool' is not supported
            {'model': 'rwkv-demo', 'messages': [{'role': 'user'}]}    | messages | a text or a list of text parts
            {'model': 'rwkv-demo', 'messages': [{'role': 'user', 'content': ' '}]} | messages | The message of the user is empty
            {'model': 'rwkv-demo', 'messages': [{'role': 'user', 'content': [{'type': 'image_url'}]}]} | messages | type 'image_url' is not supported
            {'model': 'rwkv-demo', 'messages': [{'role': 'assistant', 'tool_calls': [{}]}]} | messages | Tool calls are not supported
            {'model': 'rwkv-demo', 'messages': [{'role': 'assistant', 'content': 'Hi'}]}    |          | last message
            {'model': 'rwkv-demo', 'messages': 'Hello!'}              | messages | messages has a value of the wrong type
            'Hello!'                                                  |          | must be JSON
            {'model': 'rwkv-demo',                                    |          | must be JSON
                                                                      |          | it is empty
            """)
    void refusesInWordsWhatIsNoRequest(String body, String parameter, String words) throws Exception {
        HttpResponse<String> response = complete(body == null ? "" : body.replace('\'', '"'));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(error(response).path("message").asString().replace('"', '\''))
                .contains(words);
        assertThat(error(response).path("type").asString()).isEqualTo("invalid_request_error");
        assertThat(error(response).path("param").asString("")).isEqualTo(parameter == null ? "" : parameter);
    }

    @Test
    void knowsOnlyItsOwnModel() throws Exception {
        HttpResponse<String> response = complete(question("Hello!", "").replace("rwkv-demo", "gpt-4o"));

        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(error(response).path("code").asString()).isEqualTo("model_not_found");
        assertThat(error(response).path("message").asString())
                .contains("'gpt-4o'")
                .contains("'rwkv-demo'");
        assertThat(get("/v1/models/gpt-4o").statusCode()).isEqualTo(404);
    }

    @Test
    void listsItsModel() throws Exception {
        JsonNode models = ok(get("/v1/models"));

        assertThat(models.path("object").asString()).isEqualTo("list");
        assertThat(models.path("data")).singleElement().isEqualTo(ok(get("/v1/models/rwkv-demo")));
        assertThat(models.at("/data/0/owned_by").asString()).isEqualTo("rwkv4j");
    }

    @Test
    void answersInOpenAisFormWhereThereIsNothing() throws Exception {
        for (HttpResponse<String> response : List.of(get("/v1/assistants"), get("/v1/chat/completions"))) {
            assertThat(response.statusCode()).isEqualTo(404);
            assertThat(error(response).path("code").asString()).isEqualTo("unknown_url");
        }
    }

    @Test
    void asksForJson() throws Exception {
        HttpRequest text = HttpRequest.newBuilder(uri("/v1/chat/completions"))
                .header("Content-Type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString("Hello!"))
                .build();
        HttpResponse<String> response = http.send(text, BodyHandlers.ofString());

        assertThat(response.statusCode()).isEqualTo(415);
        assertThat(error(response).path("message").asString()).contains("application/json");
    }

    @Test
    void tellsThePageAboutTheModel() throws Exception {
        JsonNode model = ok(get("/api/model"));

        assertThat(model.path("demo").asBoolean()).isTrue();
        assertThat(model.at("/info/stateBytes").asLong()).isEqualTo(rwkv.info().stateBytes());
    }

    /** Runs to a million tokens: every token with a line feed, and the end of text, is all but banned. */
    private String endless() {
        String bias = IntStream.range(0, rwkv.info().vocabularySize())
                .filter(id -> id == 0 || rwkv.tokenizer().decode(id).contains("\n"))
                .mapToObj("\"%d\": -100"::formatted)
                .collect(Collectors.joining(", ", "{", "}"));
        return question("Tell me a story.", ", \"stream\": true, \"max_tokens\": 1000000, \"logit_bias\": " + bias);
    }

    private static String question(String text, String more) {
        return "{\"model\": \"rwkv-demo\", \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]%s}"
                .formatted(text, more);
    }

    private HttpResponse<String> complete(String body) throws IOException, InterruptedException {
        return http.send(post(body), BodyHandlers.ofString());
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(uri(path)).build(), BodyHandlers.ofString());
    }

    private HttpRequest post(String body) {
        return HttpRequest.newBuilder(uri("/v1/chat/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private URI uri(String path) {
        return URI.create("http://localhost:%d%s".formatted(port, path));
    }

    private static JsonNode ok(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return JSON.readTree(response.body());
    }

    private static JsonNode error(HttpResponse<String> response) {
        assertThat(response.headers().firstValue("Content-Type").orElseThrow()).startsWith("application/json");
        return JSON.readTree(response.body()).path("error");
    }

    private static String content(JsonNode completion) {
        return completion.at("/choices/0/message/content").asString();
    }

    /** The chunks of a stream, which must end with {@code [DONE]}. */
    private static List<JsonNode> chunks(String body) {
        List<String> events = body.lines().filter(line -> !line.isEmpty()).toList();
        assertThat(events).allMatch(event -> event.startsWith("data: "));
        assertThat(events.getLast()).isEqualTo("data: [DONE]");
        return events.stream()
                .limit(events.size() - 1)
                .map(event -> JSON.readTree(event.substring("data: ".length())))
                .toList();
    }
}
