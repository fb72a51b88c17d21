package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import io.github.rwkv4j.engine.Pooling;
import io.github.rwkv4j.engine.Rwkv;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Embeddings from any RWKV language model: outputs of its last layer norm, pooled and scaled to length 1 (spec:
 * embeddings, ways 2 and 3). Of modest quality, because the model wasn't trained for it. Thread-safe.
 */
public final class RwkvEmbeddingModel implements EmbeddingModel {
    private final Rwkv engine;
    private final Pooling pooling;

    private RwkvEmbeddingModel(Rwkv engine, Pooling pooling) {
        this.engine = engine;
        this.pooling = pooling;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** All segments go through the weights together. The token usage counts the tokens of the texts. */
    @Override
    public Response<List<Embedding>> embedAll(List<TextSegment> segments) {
        return RwkvExceptionMapper.INSTANCE.withExceptionMapper(() -> {
            List<String> texts = segments.stream().map(TextSegment::text).toList();
            List<Embedding> embeddings =
                    engine.embed(texts, pooling).stream().map(Embedding::from).toList();
            int tokens = texts.stream()
                    .mapToInt(text -> engine.tokenizer().encode(text).length)
                    .sum();
            return Response.from(embeddings, new TokenUsage(tokens));
        });
    }

    @Override
    public int dimension() {
        return engine.info().embeddingSize();
    }

    /** The model's name and the pooling, such as {@code rwkv7-g1 (mean)}: vectors of different poolings don't compare. */
    @Override
    public String modelName() {
        return "%s (%s)".formatted(engine.info().name(), pooling.name().toLowerCase(Locale.ROOT));
    }

    public static final class Builder {
        private @Nullable Rwkv engine;
        private Pooling pooling = Pooling.MEAN;

        private Builder() {}

        /** The opened model. The caller closes it; an embedding model never does. */
        public Builder engine(Rwkv engine) {
            this.engine = engine;
            return this;
        }

        /** How the outputs become one vector; by default {@link Pooling#MEAN}. */
        public Builder pooling(Pooling pooling) {
            this.pooling = pooling;
            return this;
        }

        public RwkvEmbeddingModel build() {
            return new RwkvEmbeddingModel(requireNonNull(engine, "engine"), pooling);
        }
    }
}
