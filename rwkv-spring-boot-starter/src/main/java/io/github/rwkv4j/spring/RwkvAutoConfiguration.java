package io.github.rwkv4j.spring;

import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.language.LanguageModel;
import dev.langchain4j.model.language.StreamingLanguageModel;
import io.github.rwkv4j.engine.ModelInfo;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.langchain4j.ChatModelBuilder;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import io.github.rwkv4j.langchain4j.RwkvEmbeddingModel;
import io.github.rwkv4j.langchain4j.RwkvLanguageModel;
import io.github.rwkv4j.langchain4j.RwkvStreamingChatModel;
import io.github.rwkv4j.langchain4j.RwkvStreamingLanguageModel;
import io.github.rwkv4j.langchain4j.RwkvTokenCountEstimator;
import io.github.rwkv4j.langchain4j.StateListener;
import io.github.rwkv4j.langchain4j.TenantResolver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.io.ResourceLoader;

/**
 * One opened model, and every LangChain4j model over it; each bean gives way to the application's own.
 *
 * <p>Runs before LangChain4j's own auto-configuration, whose content retriever asks for an embedding model.
 */
@AutoConfiguration(beforeName = "dev.langchain4j.spring.LangChain4jAutoConfig")
@EnableConfigurationProperties({RwkvProperties.class, RwkvStateProperties.class})
@Import(RwkvAutoConfiguration.EngineConfiguration.class)
public final class RwkvAutoConfiguration {
    private static final Logger log = LoggerFactory.getLogger(RwkvAutoConfiguration.class);

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnMissingBean(Rwkv.class)
    static final class EngineConfiguration {
        @Bean
        ModelSource rwkvModelSource(RwkvProperties properties, ResourceLoader resources) {
            return ModelSource.of(properties, resources);
        }

        @Bean(destroyMethod = "close")
        Rwkv rwkv(ModelSource source, RwkvProperties properties) {
            if (source.demo()) {
                log.warn(
                        "rwkv.model is not set: answers come from the demo model, which is tiny and only shows how things"
                                + " work. Set rwkv.model to a model file for real ones.");
            }
            long start = System.nanoTime();
            Rwkv rwkv = Rwkv.open(source.model(), properties.options(source));
            ModelInfo info = rwkv.info();
            log.info(
                    "Opened {} in {} ms: {}, {} parameters, {} weights, {}, {} threads",
                    info.name(),
                    (System.nanoTime() - start) / 1_000_000,
                    info.generation(),
                    "%,d".formatted(info.parameters()),
                    info.weights(),
                    info.implementation(),
                    info.threads());
            return rwkv;
        }
    }

    private final RwkvProperties properties;
    private final RwkvStateProperties stateProperties;
    private final boolean demo;

    RwkvAutoConfiguration(
            RwkvProperties properties, RwkvStateProperties stateProperties, ObjectProvider<ModelSource> source) {
        this.properties = properties;
        this.stateProperties = stateProperties;
        this.demo = source.stream().anyMatch(ModelSource::demo);
    }

    /** What both chat models get besides the engine. */
    @Bean
    ChatModelParts rwkvChatModelParts(
            ObjectProvider<ChatModelListener> listeners,
            ObjectProvider<SnapshotStore> states,
            ObjectProvider<TenantResolver> tenants,
            ObjectProvider<StateListener> stateListeners) {
        return new ChatModelParts(listeners, states, tenants, stateListeners);
    }

    @Bean
    @ConditionalOnMissingBean(ChatModel.class)
    RwkvChatModel rwkvChatModel(Rwkv rwkv, ChatModelParts parts) {
        return configured(RwkvChatModel.builder().engine(rwkv), parts).build();
    }

    @Bean
    @ConditionalOnMissingBean(StreamingChatModel.class)
    RwkvStreamingChatModel rwkvStreamingChatModel(Rwkv rwkv, ChatModelParts parts) {
        return configured(RwkvStreamingChatModel.builder().engine(rwkv), parts).build();
    }

    private <B extends ChatModelBuilder<B>> B configured(B model, ChatModelParts parts) {
        model.defaultRequestParameters(properties.chat().parameters(demo, !stateProperties.rememberEvicted()));
        properties.chat().ifTemplate(model::template);
        parts.addTo(model);
        return model;
    }

    @Bean
    WarmPrompts rwkvWarmPrompts(ObjectProvider<RwkvChatModel> model, ObjectProvider<SnapshotStore> states) {
        return new WarmPrompts(properties.warm().prompts(), model, states);
    }

    @Bean
    @ConditionalOnMissingBean(LanguageModel.class)
    RwkvLanguageModel rwkvLanguageModel(Rwkv rwkv) {
        return RwkvLanguageModel.builder()
                .engine(rwkv)
                .sampling(properties.chat().sampling(demo))
                .maxOutputTokens(properties.chat().maxOutputTokens())
                .stopSequences(properties.chat().stopSequences())
                .build();
    }

    @Bean
    @ConditionalOnMissingBean(StreamingLanguageModel.class)
    RwkvStreamingLanguageModel rwkvStreamingLanguageModel(Rwkv rwkv) {
        return RwkvStreamingLanguageModel.builder()
                .engine(rwkv)
                .sampling(properties.chat().sampling(demo))
                .maxOutputTokens(properties.chat().maxOutputTokens())
                .stopSequences(properties.chat().stopSequences())
                .build();
    }

    @Bean
    @ConditionalOnMissingBean(EmbeddingModel.class)
    RwkvEmbeddingModel rwkvEmbeddingModel(Rwkv rwkv) {
        return RwkvEmbeddingModel.builder()
                .engine(rwkv)
                .pooling(properties.embedding().pooling())
                .build();
    }

    @Bean
    @ConditionalOnMissingBean(TokenCountEstimator.class)
    RwkvTokenCountEstimator rwkvTokenCountEstimator(Rwkv rwkv) {
        RwkvTokenCountEstimator.Builder estimator =
                RwkvTokenCountEstimator.builder().engine(rwkv);
        properties.chat().ifTemplate(estimator::template);
        return estimator.build();
    }
}
