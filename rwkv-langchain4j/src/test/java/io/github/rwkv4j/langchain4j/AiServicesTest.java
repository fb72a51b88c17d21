package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.memory.chat.TokenWindowChatMemory;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.TokenStream;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AiServicesTest {
    private static final List<String> SMALL_TALK = List.of(
            "Hello!",
            "What is 3 plus 4?",
            "What is the capital of France?",
            "How are you?",
            "12 + 7 = ?",
            "Tell me a joke.",
            "Which city is the capital of Japan?",
            "I am tired.",
            "What is 20 minus 6?",
            "What is RWKV?",
            "Thank you.",
            "What is the capital of Norway?",
            "9 - 2 = ?",
            "Can you fly?",
            "Tell me a story.",
            "What day comes after Monday?",
            "What is 15 plus 15?",
            "Is the sky blue?",
            "What is the capital of Peru?",
            "Okay.");

    interface Assistant {
        String chat(String message);
    }

    interface StreamingAssistant {
        TokenStream chat(String message);
    }

    @Test
    void remembersANameAndThreeFactsOverTwentyOtherTurns() {
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(Demo.chatModel())
                .chatMemory(MessageWindowChatMemory.withMaxMessages(100))
                .build();

        assistant.chat("My name is Clara.");
        assistant.chat("I live in Lisbon.");
        assistant.chat("I have a dog called Leo.");
        assistant.chat("My favourite colour is green.");
        SMALL_TALK.forEach(assistant::chat);

        assertThat(SMALL_TALK).hasSize(20);
        assertThat(assistant.chat("What is my name?")).isEqualTo("Your name is Clara.");
        assertThat(assistant.chat("Where do I live?")).isEqualTo("You live in Lisbon.");
        assertThat(assistant.chat("What is my dog called?")).isEqualTo("Your dog is called Leo.");
        assertThat(assistant.chat("What is my favourite colour?")).isEqualTo("Your favourite colour is green.");
    }

    @Test
    void forgetsWhatATokenWindowEvicts() {
        RwkvTokenCountEstimator estimator =
                RwkvTokenCountEstimator.builder().engine(Demo.ENGINE).build();
        TokenWindowChatMemory memory = TokenWindowChatMemory.withMaxTokens(40, estimator);
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(Demo.chatModel())
                .chatMemory(memory)
                .build();

        assistant.chat("My name is Clara.");
        assistant.chat("What is the capital of France?");
        assistant.chat("What is the capital of Norway?");

        assertThat(estimator.estimateTokenCountInMessages(memory.messages())).isBetween(1, 40);
        assertThat(assistant.chat("What is my name?")).isEqualTo("You have not told me that yet.");
    }

    @Test
    void streamsToATokenStream() throws Exception {
        StreamingAssistant assistant = AiServices.builder(StreamingAssistant.class)
                .streamingChatModel(Demo.streamingChatModel())
                .chatMemory(MessageWindowChatMemory.withMaxMessages(100))
                .build();
        StringBuilder streamed = new StringBuilder();
        CompletableFuture<String> complete = new CompletableFuture<>();

        assistant
                .chat("What is the capital of Germany?")
                .onPartialResponse(streamed::append)
                .onCompleteResponse(
                        response -> complete.complete(response.aiMessage().text()))
                .onError(complete::completeExceptionally)
                .start();

        assertThat(complete.get(60, TimeUnit.SECONDS))
                .isEqualTo("The capital of Germany is Berlin.")
                .isEqualTo(streamed.toString());
    }
}
