package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.memory.chat.ChatMemoryProvider;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.rag.content.retriever.ContentRetriever;
import dev.langchain4j.rag.query.Query;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.TokenStream;
import dev.langchain4j.service.UserMessage;
import dev.langchain4j.service.spring.AiService;
import dev.langchain4j.store.embedding.EmbeddingStore;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.ConfigDataApplicationContextInitializer;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Beside LangChain4j's own starter, with every auto-configuration that the class path brings, in Boot's order. */
class LangChain4jStarterTest {
    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withInitializer(new ConfigDataApplicationContextInitializer())
            .withUserConfiguration(Application.class);

    @Test
    void answersAnAiServiceThatRemembers() {
        application.run(context -> {
            Assistant assistant = context.getBean(Assistant.class);
            assistant.chat("clara", "My name is Clara.");
            assistant.chat("jonas", "My name is Jonas.");

            assertThat(assistant.chat("clara", "What is my name?")).isEqualTo("Your name is Clara.");
            assertThat(assistant.chat("jonas", "What is my name?")).isEqualTo("Your name is Jonas.");
        });
    }

    @Test
    void streamsToAnAiService() {
        application.run(context -> {
            CompletableFuture<String> answer = new CompletableFuture<>();
            context.getBean(Assistant.class).stream("clara", "What is 12 plus 15?")
                    .onPartialResponse(piece -> {})
                    .onCompleteResponse(
                            response -> answer.complete(response.aiMessage().text()))
                    .onError(answer::completeExceptionally)
                    .start();

            assertThat(answer.get(30, TimeUnit.SECONDS)).isEqualTo("12 plus 15 is 27.");
        });
    }

    @Test
    void givesItsEmbeddingModelToLangChain4jsRetriever() {
        application.run(context -> {
            EmbeddingModel model = context.getBean(EmbeddingModel.class);
            TextSegment museum = TextSegment.from("The museum opened in 1904.");
            storeOf(context).add(model.embed(museum).content(), museum);

            assertThat(context.getBean(ContentRetriever.class).retrieve(Query.from("The museum opened in 1904.")))
                    .singleElement()
                    .satisfies(
                            content -> assertThat(content.textSegment().text()).isEqualTo(museum.text()));
        });
    }

    @SuppressWarnings("unchecked")
    private static EmbeddingStore<TextSegment> storeOf(ApplicationContext context) {
        return context.getBean(EmbeddingStore.class);
    }

    @AiService
    interface Assistant {
        String chat(@MemoryId String id, @UserMessage String text);

        TokenStream stream(@MemoryId String id, @UserMessage String text);
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {
        @Bean
        ChatMemoryProvider memories() {
            return id ->
                    MessageWindowChatMemory.builder().id(id).maxMessages(100).build();
        }

        @Bean
        EmbeddingStore<TextSegment> store() {
            return new InMemoryEmbeddingStore<>();
        }
    }
}
