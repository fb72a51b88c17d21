package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.language.LanguageModel;
import dev.langchain4j.model.language.StreamingLanguageModel;
import dev.langchain4j.model.output.Response;
import io.github.rwkv4j.demo.DemoModel;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import io.github.rwkv4j.langchain4j.RwkvChatRequestParameters;
import io.github.rwkv4j.langchain4j.RwkvEmbeddingModel;
import io.github.rwkv4j.langchain4j.RwkvStreamingChatModel;
import io.github.rwkv4j.langchain4j.Thinking;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.ConfigDataApplicationContextInitializer;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

class RwkvAutoConfigurationTest {
    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withInitializer(new ConfigDataApplicationContextInitializer())
            .withConfiguration(AutoConfigurations.of(RwkvAutoConfiguration.class));

    @Test
    void chatsWithTheDemoModelUnlessAnotherIsNamed() {
        application.run(context -> {
            assertThat(context.getBean(ModelSource.class).demo()).isTrue();
            assertThat(context.getBean(ChatModel.class).chat("What is 12 plus 15?"))
                    .isEqualTo("12 plus 15 is 27.");
        });
    }

    @Test
    void streams() {
        application.run(context -> {
            List<String> pieces = new CopyOnWriteArrayList<>();
            CompletableFuture<ChatResponse> response = new CompletableFuture<>();
            context.getBean(StreamingChatModel.class).chat("What is 12 plus 15?", handler(pieces, response));

            assertThat(response.get(30, TimeUnit.SECONDS).aiMessage().text()).isEqualTo("12 plus 15 is 27.");
            assertThat(pieces).hasSizeGreaterThan(3);
            assertThat(String.join("", pieces)).isEqualTo("12 plus 15 is 27.");
        });
    }

    @Test
    void embeds() {
        application.run(context -> {
            EmbeddingModel model = context.getBean(EmbeddingModel.class);
            Response<Embedding> embedding = model.embed("The museum opened in 1904.");

            assertThat(embedding.content().dimension()).isEqualTo(128).isEqualTo(model.dimension());
        });
    }

    @Test
    void offersEveryKindOfModelOnce() {
        application.run(context -> assertThat(context)
                .hasSingleBean(Rwkv.class)
                .hasSingleBean(ChatModel.class)
                .hasSingleBean(StreamingChatModel.class)
                .hasSingleBean(LanguageModel.class)
                .hasSingleBean(StreamingLanguageModel.class)
                .hasSingleBean(EmbeddingModel.class)
                .hasSingleBean(TokenCountEstimator.class));
    }

    @Test
    void continuesATextWithoutATemplate() {
        application.run(context -> {
            LanguageModel model = context.getBean(LanguageModel.class);
            String text =
                    model.generate("User: What is 12 plus 15?\n\nAssistant:").content();

            assertThat(text).startsWith(" 12 plus 15 is 27.");
        });
    }

    @Test
    void countsTokensAsTheModelReadsThem() {
        application.run(context -> {
            var request = ChatRequest.builder()
                    .messages(UserMessage.from("What is my name?"))
                    .build();
            int counted = context.getBean(TokenCountEstimator.class).estimateTokenCountInMessages(request.messages());

            assertThat(context.getBean(ChatModel.class)
                            .chat(request)
                            .tokenUsage()
                            .inputTokenCount())
                    .isEqualTo(counted);
        });
    }

    @Test
    void drawsTheDemoModelsAnswersGreedily() {
        application.run(context -> {
            RwkvChatRequestParameters defaults =
                    context.getBean(RwkvChatModel.class).defaultRequestParameters();

            assertThat(defaults.temperature()).isZero();
            assertThat(defaults.presencePenalty()).isZero();
            assertThat(defaults.frequencyPenalty()).isZero();
        });
    }

    @Test
    void takesAModelsOwnSamplingFromItsTemplate() {
        application.withPropertyValues("rwkv.model=" + demoModel()).run(context -> {
            assertThat(context.getBean(ModelSource.class).demo()).isFalse();
            assertThat(context.getBean(RwkvChatModel.class)
                            .defaultRequestParameters()
                            .temperature())
                    .isEqualTo(1.0);
        });
    }

    @Test
    void takesItsSettingsFromProperties() {
        application
                .withPropertyValues(
                        "rwkv.threads=3",
                        "rwkv.quantization=q8_0",
                        "rwkv.chat.temperature=0.5",
                        "rwkv.chat.top-p=0.25",
                        "rwkv.chat.top-k=40",
                        "rwkv.chat.presence-penalty=0.125",
                        "rwkv.chat.frequency-penalty=0.375",
                        "rwkv.chat.penalty-decay=0.99",
                        "rwkv.chat.max-output-tokens=7",
                        "rwkv.chat.thinking=skipped",
                        "rwkv.chat.template=g1",
                        "rwkv.chat.seed=42",
                        "rwkv.chat.stop-sequences=.,!",
                        "rwkv.embedding.pooling=last")
                .run(context -> {
                    assertThat(context.getBean(Rwkv.class).info())
                            .returns(3, info -> info.threads())
                            .returns("Q8_0", info -> info.weights());
                    for (RwkvChatRequestParameters defaults : List.of(
                            context.getBean(RwkvChatModel.class).defaultRequestParameters(),
                            context.getBean(RwkvStreamingChatModel.class).defaultRequestParameters())) {
                        assertThat(defaults.temperature()).isEqualTo(0.5);
                        assertThat(defaults.topP()).isEqualTo(0.25);
                        assertThat(defaults.topK()).isEqualTo(40);
                        assertThat(defaults.presencePenalty()).isEqualTo(0.125);
                        assertThat(defaults.frequencyPenalty()).isEqualTo(0.375);
                        assertThat(defaults.penaltyDecay()).isEqualTo(0.99);
                        assertThat(defaults.maxOutputTokens()).isEqualTo(7);
                        assertThat(defaults.thinking()).isEqualTo(Thinking.SKIPPED);
                        assertThat(defaults.seed()).isEqualTo(42);
                        assertThat(defaults.stopSequences()).containsExactly(".", "!");
                    }
                    assertThat(context.getBean(RwkvEmbeddingModel.class).modelName())
                            .endsWith("(last)");
                });
    }

    @Test
    void givesTheSameCompletionForTheSameSeed() {
        application
                .withPropertyValues("rwkv.chat.temperature=1", "rwkv.chat.seed=7", "rwkv.chat.max-output-tokens=20")
                .run(context -> {
                    LanguageModel model = context.getBean(LanguageModel.class);

                    assertThat(model.generate("User: Tell me").content())
                            .isEqualTo(model.generate("User: Tell me").content());
                });
    }

    @Test
    void leavesTheApplicationsOwnModelsAlone() {
        application.withUserConfiguration(OwnModels.class).run(context -> {
            assertThat(context).hasSingleBean(ChatModel.class).hasSingleBean(EmbeddingModel.class);
            assertThat(context.getBean(ChatModel.class)).isInstanceOf(Parrot.class);
            assertThat(context.getBean(EmbeddingModel.class)).isInstanceOf(OneNumber.class);
            assertThat(context).hasSingleBean(RwkvStreamingChatModel.class);
        });
    }

    @Test
    void buildsOnTheApplicationsOwnEngine() {
        application.withUserConfiguration(OwnEngine.class).run(context -> {
            assertThat(context).hasSingleBean(Rwkv.class).doesNotHaveBean(ModelSource.class);
            assertThat(context.getBean(ChatModel.class)
                            .chat(ChatRequest.builder()
                                    .messages(UserMessage.from("What is 2 plus 2?"))
                                    .temperature(0.0)
                                    .build())
                            .aiMessage()
                            .text())
                    .isNotEmpty();
        });
    }

    @Test
    void tellsListenersOfChatsAndStreams() {
        application.withUserConfiguration(Listening.class).run(context -> {
            Listening.Recorder recorder = context.getBean(Listening.Recorder.class);
            context.getBean(ChatModel.class).chat("Hello!");
            CompletableFuture<ChatResponse> response = new CompletableFuture<>();
            context.getBean(StreamingChatModel.class).chat("Hello!", handler(new CopyOnWriteArrayList<>(), response));
            response.get(30, TimeUnit.SECONDS);

            assertThat(recorder.answers).hasSize(2);
        });
    }

    @Test
    void startsWithoutTheDemoModelOnTheClassPath() {
        application
                .withClassLoader(new FilteredClassLoader("io.github.rwkv4j.demo"))
                .withPropertyValues("rwkv.model=" + demoModel())
                .run(context -> assertThat(context).hasSingleBean(RwkvChatModel.class));
    }

    @Test
    void opensAModelInsideAJar(@TempDir Path directory) throws IOException {
        Path jar = directory.resolve("model.jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (String name : List.of("model.safetensors", "vocab.txt")) {
                out.putNextEntry(new JarEntry("weights/" + name));
                Files.copy(DemoModel.extract().resolveSibling(name), out);
                out.closeEntry();
            }
        }
        try (URLClassLoader classLoader =
                new URLClassLoader(new URL[] {jar.toUri().toURL()})) {
            application
                    .withClassLoader(classLoader)
                    .withPropertyValues(
                            "rwkv.model=classpath:weights/model.safetensors",
                            "rwkv.vocabulary=classpath:weights/vocab.txt",
                            "rwkv.chat.temperature=0",
                            "rwkv.chat.presence-penalty=0",
                            "rwkv.chat.frequency-penalty=0")
                    .run(context -> {
                        assertThat(context.getBean(ModelSource.class).demo()).isFalse();
                        assertThat(context.getBean(ChatModel.class).chat("What is 12 plus 15?"))
                                .isEqualTo("12 plus 15 is 27.");
                    });
        }
    }

    @Test
    void closesTheModelWithTheContext() {
        CompletableFuture<Rwkv> opened = new CompletableFuture<>();
        application.run(context -> opened.complete(context.getBean(Rwkv.class)));

        assertThat(opened).isCompleted();
        assertThatThrownBy(() -> opened.join().newSession()).isInstanceOf(ClosedException.class);
    }

    static String demoModel() {
        return DemoModel.extract().toString();
    }

    private static StreamingChatResponseHandler handler(List<String> pieces, CompletableFuture<ChatResponse> response) {
        return new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String partialResponse) {
                pieces.add(partialResponse);
            }

            @Override
            public void onCompleteResponse(ChatResponse completeResponse) {
                response.complete(completeResponse);
            }

            @Override
            public void onError(Throwable error) {
                response.completeExceptionally(error);
            }
        };
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnModels {
        @Bean
        ChatModel parrot() {
            return new Parrot();
        }

        @Bean
        EmbeddingModel oneNumber() {
            return new OneNumber();
        }
    }

    private static final class Parrot implements ChatModel {
        @Override
        public ChatResponse doChat(ChatRequest request) {
            UserMessage said = (UserMessage) request.messages().getLast();
            return ChatResponse.builder()
                    .aiMessage(AiMessage.from(said.singleText()))
                    .build();
        }
    }

    private static final class OneNumber implements EmbeddingModel {
        @Override
        public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
            return Response.from(segments.stream()
                    .map(segment -> Embedding.from(new float[] {segment.text().length()}))
                    .toList());
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnEngine {
        @Bean
        Rwkv ownEngine() {
            return Rwkv.open(Path.of(demoModel()));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Listening {
        @Bean
        Recorder recorder() {
            return new Recorder();
        }

        static final class Recorder implements ChatModelListener {
            private final List<String> answers = new CopyOnWriteArrayList<>();

            @Override
            public void onResponse(ChatModelResponseContext context) {
                answers.add(context.chatResponse().aiMessage().text());
            }
        }
    }
}
