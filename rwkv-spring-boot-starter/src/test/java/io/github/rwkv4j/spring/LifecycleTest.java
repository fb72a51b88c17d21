package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.langchain4j.RwkvChatRequestParameters;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;

@ExtendWith(OutputCaptureExtension.class)
class LifecycleTest {
    @Test
    void saysOnceWhatItOpenedAndThatItIsADemo(CapturedOutput output) {
        SpringApplication.run(Application.class).close();

        assertThat(output.getAll().lines().filter(line -> line.contains(RwkvAutoConfiguration.class.getSimpleName())))
                .satisfiesExactly(
                        line -> assertThat(line)
                                .contains("WARN")
                                .contains("demo model")
                                .contains("Set rwkv.model"),
                        line -> assertThat(line)
                                .contains("INFO")
                                .containsPattern(
                                        "Opened rwkv-demo in \\d+ ms: RWKV-7, 1,\\d{3},\\d{3} parameters, F16"));
    }

    @Test
    void warnsOfNothingWhenAModelIsNamed(CapturedOutput output) {
        SpringApplication.run(Application.class, "--rwkv.model=" + RwkvAutoConfigurationTest.demoModel())
                .close();

        assertThat(output).contains("Opened rwkv-demo").doesNotContain("WARN");
    }

    @Test
    void endsAGenerationWithAClearErrorWhenTheContextCloses(CapturedOutput output) throws Exception {
        ConfigurableApplicationContext context = SpringApplication.run(Application.class);
        Rwkv rwkv = context.getBean(Rwkv.class);
        Endless generation = new Endless();
        context.getBean(StreamingChatModel.class).chat(endlessRequest(rwkv), generation);
        assertThat(generation.begun.await(30, TimeUnit.SECONDS)).isTrue();

        context.close();

        assertThat(generation.error.get(30, TimeUnit.SECONDS)).hasRootCauseInstanceOf(ClosedException.class);
        assertThat(generation.completed).isFalse();
        assertThatThrownBy(rwkv::newSession).isInstanceOf(ClosedException.class);
        assertThat(output).doesNotContain("ERROR");
    }

    /** Never ends by itself: every token with a line feed, and the end of text, is banned. */
    private static ChatRequest endlessRequest(Rwkv rwkv) {
        Map<Integer, Float> banned = IntStream.range(0, rwkv.info().vocabularySize())
                .filter(id -> id == 0 || rwkv.tokenizer().decode(id).contains("\n"))
                .boxed()
                .collect(Collectors.toMap(id -> id, _ -> Float.NEGATIVE_INFINITY));
        return ChatRequest.builder()
                .messages(UserMessage.from("Tell me a story."))
                .parameters(RwkvChatRequestParameters.builder()
                        .tokenBias(banned)
                        .maxOutputTokens(10_000_000)
                        .build())
                .build();
    }

    private static final class Endless implements StreamingChatResponseHandler {
        private final CountDownLatch begun = new CountDownLatch(10);
        private final CompletableFuture<Throwable> error = new CompletableFuture<>();
        private final AtomicBoolean completed = new AtomicBoolean();

        @Override
        public void onPartialResponse(String partialResponse) {
            begun.countDown();
        }

        @Override
        public void onCompleteResponse(ChatResponse completeResponse) {
            completed.set(true);
        }

        @Override
        public void onError(Throwable cause) {
            error.complete(cause);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(RwkvAutoConfiguration.class)
    static class Application {}
}
