package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.langchain4j.model.output.FinishReason;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.engine.errors.OverloadedException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class RwkvChatModelTest {
    private final RwkvChatModel model = Demo.chatModel();

    @Test
    void answersWithoutTheSpaceThatTokensCarry() {
        assertThat(model.chat("Hello!")).isEqualTo("Hello! How can I help you?");
    }

    @Test
    void readsTheWholeConversation() {
        ChatResponse response = model.chat(
                SystemMessage.from("You are a helpful assistant."),
                UserMessage.from("My name is Clara."),
                AiMessage.from("Nice to meet you, Clara."),
                UserMessage.from("What is my name?"));

        assertThat(response.aiMessage()).isEqualTo(AiMessage.from("Your name is Clara."));
    }

    @Test
    void saysWhatItCostAndWhatRan() {
        List<ChatMessage> messages = List.of(UserMessage.from("What is 3 plus 4?"));

        ChatResponse response = model.chat(messages);

        RwkvChatResponseMetadata metadata = (RwkvChatResponseMetadata) response.metadata();
        int prompt = Demo.ENGINE.tokenizer().encode("User: What is 3 plus 4?\n\nAssistant:").length;
        int answer = Demo.ENGINE.tokenizer().encode(" 3 plus 4 is 7.\n\n").length;
        assertThat(response.aiMessage().text()).isEqualTo("3 plus 4 is 7.");
        assertThat(metadata.tokenUsage().inputTokenCount()).isEqualTo(prompt);
        assertThat(metadata.tokenUsage().outputTokenCount()).isEqualTo(answer);
        assertThat(metadata.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(metadata.modelName()).isEqualTo("rwkv-demo");
        assertThat(metadata.implementation()).isEqualTo(Demo.ENGINE.info().implementation());
        assertThat(metadata.timeToFirstToken()).isPositive();
        assertThat(metadata.tokensPerSecond()).isPositive();
        assertThat(metadata.toBuilder().build()).isEqualTo(metadata);
    }

    @Test
    void endsAtExactlyTheMostTokens() {
        for (int most : new int[] {1, 2, 7, 64}) {
            ChatResponse response = model.chat(request(
                    "Hello!",
                    Demo.ENDLESS.overrideWith(ChatRequestParameters.builder()
                            .maxOutputTokens(most)
                            .build())));

            assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(most);
            assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void endsBeforeAStopSequenceOfTheRequest() {
        ChatResponse response = model.chat(request(
                "Hello!",
                ChatRequestParameters.builder().stopSequences("never", "I help").build()));

        assertThat(response.aiMessage().text()).isEqualTo("Hello! How can");
        assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void repeatsItselfForTheSameSeed() {
        Set<String> sameSeed = new HashSet<>();
        Set<String> otherSeeds = new HashSet<>();
        for (long seed = 0; seed < 8; seed++) {
            sameSeed.add(model.chat(wild("Hello!", 42)).aiMessage().text());
            otherSeeds.add(model.chat(wild("Hello!", seed)).aiMessage().text());
        }

        assertThat(sameSeed).hasSize(1);
        assertThat(otherSeeds).hasSizeGreaterThan(1);
    }

    @Test
    void givesSixteenThreadsTheTextsThatEachWouldGetAlone() throws Exception {
        List<String> questions = IntStream.range(0, 16)
                .mapToObj(i -> "What is %d plus %d?".formatted(i + 1, 2 * i % 7))
                .toList();
        List<String> alone = questions.stream().map(model::chat).toList();

        try (var executor = Executors.newFixedThreadPool(16)) {
            CountDownLatch together = new CountDownLatch(16);
            List<Callable<String>> calls = questions.stream()
                    .map(question -> (Callable<String>) () -> {
                        together.countDown();
                        together.await();
                        return model.chat(question);
                    })
                    .toList();
            List<String> answers =
                    executor.invokeAll(calls).stream().map(Future::resultNow).toList();

            assertThat(answers).isEqualTo(alone);
            assertThat(answers.get(3)).isEqualTo("4 plus 6 is 10.");
        }
    }

    @Test
    void cancelsTheGenerationOfAnInterruptedThread() throws Exception {
        try (Rwkv engine = Demo.openForOneRequest()) {
            RwkvChatModel endless = RwkvChatModel.builder()
                    .engine(engine)
                    .defaultRequestParameters(Demo.ENDLESS)
                    .build();
            CompletableFuture<Boolean> stillInterrupted = new CompletableFuture<>();
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            Thread caller = Thread.ofPlatform().start(() -> {
                try {
                    endless.chat("Hello!");
                } catch (RuntimeException e) {
                    stillInterrupted.complete(Thread.currentThread().isInterrupted());
                    thrown.complete(e);
                }
            });
            awaitWaiting(caller);

            caller.interrupt();

            assertThat(thrown.get(60, TimeUnit.SECONDS))
                    .isInstanceOf(LangChain4jException.class)
                    .hasMessageContaining("interrupted");
            assertThat(stillInterrupted).isCompletedWithValue(true);
            assertThat(answerOnceThereIsRoom(engine)).isEqualTo("Hello! How can I help you?");
        }
    }

    @Test
    void asksToComeBackLaterWhenTheQueueIsFull() throws Exception {
        try (Rwkv engine = Demo.openForOneRequest()) {
            CompletableFuture<StreamingHandle> busy = new CompletableFuture<>();
            RwkvStreamingChatModel.builder()
                    .engine(engine)
                    .defaultRequestParameters(Demo.ENDLESS)
                    .build()
                    .chat("Hello!", new Recorder(busy::complete));
            StreamingHandle handle = busy.get(60, TimeUnit.SECONDS);

            assertThatThrownBy(
                            () -> RwkvChatModel.builder().engine(engine).build().chat("Hello!"))
                    .isExactlyInstanceOf(RateLimitException.class)
                    .hasCauseInstanceOf(OverloadedException.class);
            handle.cancel();
            assertThat(answerOnceThereIsRoom(engine)).isEqualTo("Hello! How can I help you?");
        }
    }

    @Test
    void failsForGoodOnceTheEngineIsClosed() {
        Rwkv engine = Rwkv.open(Demo.MODEL);
        RwkvChatModel closed = RwkvChatModel.builder().engine(engine).build();
        engine.close();

        assertThatThrownBy(() -> closed.chat("Hello!"))
                .isExactlyInstanceOf(NonRetriableException.class)
                .hasCauseInstanceOf(ClosedException.class);
    }

    @Test
    void refusesParametersOutOfRange() {
        assertThatThrownBy(() -> model.chat(request(
                        "Hello!",
                        ChatRequestParameters.builder().temperature(-1.0).build())))
                .isExactlyInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("temperature is -1.0")
                .hasCauseInstanceOf(io.github.rwkv4j.engine.errors.InvalidRequestException.class);
    }

    @Test
    void refusesToAnswerItself() {
        assertThatThrownBy(() -> model.chat(UserMessage.from("Hello!"), AiMessage.from("Hello!")))
                .isExactlyInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("last message is of type AI");
        assertThatThrownBy(() -> model.chat(SystemMessage.from("Be brief.")))
                .isExactlyInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("last message is of type SYSTEM");
    }

    @Test
    void answersToItsOwnNameOnly() {
        assertThat(model.chat(request(
                                "Hello!",
                                ChatRequestParameters.builder()
                                        .modelName("rwkv-demo")
                                        .build()))
                        .modelName())
                .isEqualTo("rwkv-demo");
        assertThatThrownBy(() -> model.chat(request(
                        "Hello!",
                        ChatRequestParameters.builder().modelName("other").build())))
                .isExactlyInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("other")
                .hasMessageContaining("rwkv-demo");
    }

    @Test
    void hasTheDefaultsOfItsTemplate() {
        RwkvChatModel plain = RwkvChatModel.builder().engine(Demo.ENGINE).build();

        assertThat(plain.defaultRequestParameters())
                .isEqualTo(RwkvChatRequestParameters.builder()
                        .modelName("rwkv-demo")
                        .temperature(1.0)
                        .topP(0.3)
                        .topK(0)
                        .presencePenalty(0.5)
                        .frequencyPenalty(0.5)
                        .penaltyDecay(0.996)
                        .thinking(Thinking.OFF)
                        .maxOutputTokens(1024)
                        .build());
        assertThat(plain.provider()).isEqualTo(ModelProvider.OTHER);
        assertThat(plain.supportedCapabilities()).isEmpty();
    }

    @Test
    void hasNoAnswerWhenItEndsInsideItsThinking() {
        RwkvChatModel thoughtful = RwkvChatModel.builder()
                .engine(Demo.ENGINE)
                .template(ChatTemplate.G1)
                .defaultRequestParameters(Demo.ENDLESS)
                .build();

        ChatResponse response = thoughtful.chat(request(
                "Hello!",
                RwkvChatRequestParameters.builder()
                        .thinking(Thinking.ON)
                        .maxOutputTokens(20)
                        .build()));

        assertThat(response.aiMessage().text()).isEmpty();
        assertThat(response.aiMessage().thinking()).isNotBlank();
        assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(20);
    }

    @Test
    void beginsWithTheEndOfTextWhereTheTemplateDoes() {
        RwkvChatModel with = RwkvChatModel.builder()
                .engine(Demo.ENGINE)
                .template(ChatTemplate.G1)
                .defaultRequestParameters(Demo.GREEDY)
                .build();
        RwkvChatModel without = RwkvChatModel.builder()
                .engine(Demo.ENGINE)
                .template(ChatTemplate.G1)
                .endOfTextFirst(false)
                .defaultRequestParameters(Demo.GREEDY)
                .build();
        List<ChatMessage> messages = List.of(UserMessage.from("Hello!"));
        int plain = model.chat(messages).tokenUsage().inputTokenCount();

        assertThat(with.chat(messages).tokenUsage().inputTokenCount()).isEqualTo(plain + 1);
        assertThat(without.chat(messages).tokenUsage().inputTokenCount()).isEqualTo(plain);
    }

    private static ChatRequest request(String text, ChatRequestParameters parameters) {
        return ChatRequest.builder()
                .messages(UserMessage.from(text))
                .parameters(parameters)
                .build();
    }

    private static ChatRequest wild(String text, long seed) {
        return request(
                text,
                RwkvChatRequestParameters.builder()
                        .temperature(2.0)
                        .topP(1.0)
                        .seed(seed)
                        .maxOutputTokens(20)
                        .build());
    }

    private static void awaitWaiting(Thread caller) throws InterruptedException {
        while (caller.getState() != Thread.State.WAITING) {
            Thread.sleep(1);
        }
    }

    private static String answerOnceThereIsRoom(Rwkv engine) throws InterruptedException {
        RwkvChatModel model = RwkvChatModel.builder()
                .engine(engine)
                .defaultRequestParameters(Demo.GREEDY)
                .build();
        while (true) {
            try {
                return model.chat("Hello!");
            } catch (RateLimitException e) {
                Thread.sleep(1);
            }
        }
    }
}
