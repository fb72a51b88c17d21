package io.github.rwkv4j.examples.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.Rwkv;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** OpenAI's own client for JavaScript against the endpoint; its tests are in {@code src/test/openai}. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {"rwkv.max-sessions=1", "rwkv.queue-capacity=0"})
class OpenAiClientTest {
    @LocalServerPort
    private int port;

    @Autowired
    private Rwkv rwkv;

    @Test
    void servesOpenAisOwnClient() throws Exception {
        NodeProject client = NodeProject.install("openai");
        String output = client.npm(
                Map.of(
                        "OPENAI_BASE_URL", "http://localhost:%d/v1".formatted(port),
                        "OPENAI_API_KEY", "none",
                        "LINE_FEEDS", lineFeeds()),
                "test");

        assertThat(output).contains("pass 6", "fail 0", "skipped 0");
    }

    /** The ids that can end an answer: a generation without them never ends by itself. */
    private String lineFeeds() {
        return IntStream.range(0, rwkv.info().vocabularySize())
                .filter(id -> id == 0 || rwkv.tokenizer().decode(id).contains("\n"))
                .mapToObj(String::valueOf)
                .collect(Collectors.joining(","));
    }
}
