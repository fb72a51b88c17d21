package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.langchain4j.model.output.FinishReason;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RwkvStreamingChatModelTest {
    private final RwkvStreamingChatModel model = Demo.streamingChatModel();

    @Test
    void streamsTheAnswerThatChatGives() throws Exception {
        for (String question : List.of("Hello!", "What is 3 plus 4?", "Tell me a story.", "What is RWKV?")) {
            Recorder recorder = new Recorder();

            model.chat(question, recorder);

            ChatResponse response = recorder.await();
            assertThat(response.aiMessage().text()).isEqualTo(Demo.chatModel().chat(question));
            assertThat(String.join("", recorder.partialResponses))
                    .isEqualTo(response.aiMessage().text());
            assertThat(recorder.partialResponses).hasSizeGreaterThan(3);
            assertThat(recorder.threads).hasSize(1).doesNotContain(Thread.currentThread());
        }
    }

    @Test
    void trimsAnAnswerThatIsCutOff() throws Exception {
        for (int most = 1; most <= 12; most++) {
            Recorder recorder = new Recorder();
            ChatRequest request = request(
                    "Tell me a story.",
                    ChatRequestParameters.builder().maxOutputTokens(most).build());

            model.chat(request, recorder);

            ChatResponse response = recorder.await();
            assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(most);
            assertThat(response.aiMessage().text())
                    .isEqualTo(response.aiMessage().text().strip())
                    .isEqualTo(Demo.chatModel().chat(request).aiMessage().text())
                    .isEqualTo(String.join("", recorder.partialResponses));
        }
    }

    @Test
    void neverSplitsACharacter() throws Exception {
        Recorder recorder = new Recorder();

        model.chat(request("Hello!", oneByteAtATime("🪿", 12)), recorder);

        assertThat(recorder.await().aiMessage().text()).isEqualTo("🪿🪿🪿");
        assertThat(recorder.partialResponses).containsExactly("🪿", "🪿", "🪿");
    }

    @Test
    void callsNobodyAfterACancel() throws Exception {
        try (Rwkv engine = Demo.openForOneRequest()) {
            RwkvStreamingChatModel endless = RwkvStreamingChatModel.builder()
                    .engine(engine)
                    .defaultRequestParameters(Demo.ENDLESS)
                    .build();
            CompletableFuture<StreamingHandle> cancelled = new CompletableFuture<>();
            int[] calls = {0};
            Recorder recorder = new Recorder(handle -> {
                if (++calls[0] == 5) {
                    handle.cancel();
                    cancelled.complete(handle);
                }
            });

            endless.chat("Hello!", recorder);

            assertThat(cancelled.get(60, TimeUnit.SECONDS).isCancelled()).isTrue();
            assertThat(streamOnceThereIsRoom(engine)).isEqualTo("Hello! How can I help you?");
            assertThat(recorder.partialResponses).hasSize(5);
            assertThat(recorder.response).isNotDone();
        }
    }

    @Test
    void canBeCancelledFromAnotherThread() throws Exception {
        try (Rwkv engine = Demo.openForOneRequest()) {
            RwkvStreamingChatModel endless = RwkvStreamingChatModel.builder()
                    .engine(engine)
                    .defaultRequestParameters(Demo.ENDLESS)
                    .build();
            CompletableFuture<StreamingHandle> handle = new CompletableFuture<>();
            Recorder recorder = new Recorder(handle::complete);
            endless.chat("Hello!", recorder);

            handle.get(60, TimeUnit.SECONDS).cancel();

            assertThat(streamOnceThereIsRoom(engine)).isEqualTo("Hello! How can I help you?");
            int received = recorder.partialResponses.size();
            assertThat(streamOnceThereIsRoom(engine)).isEqualTo("Hello! How can I help you?");
            assertThat(recorder.partialResponses).hasSize(received);
            assertThat(recorder.response).isNotDone();
        }
    }

    @Test
    void streamsThinkingApart() throws Exception {
        RwkvStreamingChatModel thoughtful = RwkvStreamingChatModel.builder()
                .engine(Demo.ENGINE)
                .template(ChatTemplate.G1)
                .defaultRequestParameters(Demo.ENDLESS)
                .build();
        Recorder recorder = new Recorder();

        thoughtful.chat(
                request(
                        "Hello!",
                        RwkvChatRequestParameters.builder()
                                .thinking(Thinking.ON)
                                .maxOutputTokens(20)
                                .build()),
                recorder);

        ChatResponse response = recorder.await();
        assertThat(response.aiMessage().text()).isEmpty();
        assertThat(recorder.partialResponses).isEmpty();
        assertThat(String.join("", recorder.partialThinking))
                .isNotBlank()
                .isEqualTo(response.aiMessage().thinking());
        assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void handsErrorsToTheHandler() throws Exception {
        Recorder recorder = new Recorder();

        model.chat(List.of(UserMessage.from("Hello!"), AiMessage.from("Hello!")), recorder);

        assertThat(recorder.response)
                .failsWithin(60, TimeUnit.SECONDS)
                .withThrowableOfType(ExecutionException.class)
                .withCauseExactlyInstanceOf(InvalidRequestException.class);
        assertThat(recorder.threads).hasSize(1).doesNotContain(Thread.currentThread());
    }

    @Test
    void failsWhenTheEngineIsClosedMeanwhile() throws Exception {
        Rwkv engine = Rwkv.open(Demo.MODEL);
        RwkvStreamingChatModel endless = RwkvStreamingChatModel.builder()
                .engine(engine)
                .defaultRequestParameters(Demo.ENDLESS)
                .build();
        CompletableFuture<StreamingHandle> started = new CompletableFuture<>();
        Recorder recorder = new Recorder(started::complete);
        endless.chat("Hello!", recorder);
        started.get(60, TimeUnit.SECONDS);

        engine.close();

        assertThatThrownBy(recorder::await).hasCauseExactlyInstanceOf(NonRetriableException.class);
        assertThat(recorder.threads).hasSize(1);
    }

    private static ChatRequest request(String text, ChatRequestParameters parameters) {
        return ChatRequest.builder()
                .messages(UserMessage.from(text))
                .parameters(parameters)
                .build();
    }

    /** Makes the model repeat a character of four bytes: the penalty moves it on to the next byte each time. */
    private static RwkvChatRequestParameters oneByteAtATime(String character, int maxOutputTokens) {
        Tokenizer tokenizer = Demo.ENGINE.tokenizer();
        Map<Integer, Float> bias = new HashMap<>();
        float preference = 10_000;
        for (byte value : character.getBytes(StandardCharsets.UTF_8)) {
            int id = IntStream.range(0, tokenizer.size())
                    .filter(i -> tokenizer.bytes(i).length == 1 && tokenizer.bytes(i)[0] == value)
                    .findFirst()
                    .orElseThrow();
            bias.put(id, preference);
            preference -= 25;
        }
        return RwkvChatRequestParameters.builder()
                .frequencyPenalty(100.0)
                .penaltyDecay(1.0)
                .tokenBias(bias)
                .maxOutputTokens(maxOutputTokens)
                .build();
    }

    private static String streamOnceThereIsRoom(Rwkv engine) throws Exception {
        RwkvStreamingChatModel model = RwkvStreamingChatModel.builder()
                .engine(engine)
                .defaultRequestParameters(Demo.GREEDY)
                .build();
        while (true) {
            Recorder recorder = new Recorder();
            model.chat("Hello!", recorder);
            try {
                return recorder.await().aiMessage().text();
            } catch (ExecutionException e) {
                assertThat(e).hasCauseInstanceOf(RateLimitException.class);
                Thread.sleep(1);
            }
        }
    }
}
