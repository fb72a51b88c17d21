package com.example;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.embedding.EmbeddingModel;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/** Also without Boot's health and without a web server: the starter must ask for neither. */
@SpringBootTest
class ApplicationTest {
    @Autowired
    private ChatModel chatModel;

    @Autowired
    private StreamingChatModel streamingChatModel;

    @Autowired
    private EmbeddingModel embeddingModel;

    @Test
    void runsWithoutFlags() {
        assertThat(ManagementFactory.getRuntimeMXBean().getInputArguments())
                .noneMatch(argument -> argument.startsWith("--"));
    }

    @Test
    void chats() {
        assertThat(chatModel.chat("What is 12 plus 15?")).isEqualTo("12 plus 15 is 27.");
    }

    @Test
    void streams() throws Exception {
        CompletableFuture<String> answer = new CompletableFuture<>();
        streamingChatModel.chat("What is the capital of Norway?", new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String partialResponse) {}

            @Override
            public void onCompleteResponse(ChatResponse response) {
                answer.complete(response.aiMessage().text());
            }

            @Override
            public void onError(Throwable error) {
                answer.completeExceptionally(error);
            }
        });

        assertThat(answer.get(60, TimeUnit.SECONDS)).isEqualTo("The capital of Norway is Oslo.");
    }

    @Test
    void embeds() {
        assertThat(embeddingModel.embed("The museum opened in 1904.").content().vector())
                .hasSize(128);
    }
}
