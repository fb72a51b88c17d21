package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.listener.EmbeddingModelResponseContext;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.store.embedding.CosineSimilarity;
import io.github.rwkv4j.engine.Pooling;
import io.github.rwkv4j.engine.Rwkv;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RwkvEmbeddingModelTest {
    private static final List<String> TEXTS =
            List.of("I live in Lisbon.", "My home is in Lisbon.", "What is 3 plus 4?");

    @ParameterizedTest
    @EnumSource(Pooling.class)
    void embedsManyTextsAsItEmbedsEach(Pooling pooling) {
        RwkvEmbeddingModel model = RwkvEmbeddingModel.builder()
                .engine(Demo.ENGINE)
                .pooling(pooling)
                .build();

        List<Embedding> together =
                model.embedAll(TEXTS.stream().map(TextSegment::from).toList()).content();

        assertThat(together).hasSize(3);
        for (int i = 0; i < together.size(); i++) {
            assertThat(together.get(i)).isEqualTo(model.embed(TEXTS.get(i)).content());
            assertThat(together.get(i).dimension()).isEqualTo(128).isEqualTo(model.dimension());
            assertThat(CosineSimilarity.between(together.get(i), together.get(i)))
                    .isCloseTo(1.0, within(1e-5));
        }
        assertThat(CosineSimilarity.between(together.get(0), together.get(1)))
                .isGreaterThan(CosineSimilarity.between(together.get(0), together.get(2)));
    }

    @Test
    void countsTokens() {
        RwkvEmbeddingModel model =
                RwkvEmbeddingModel.builder().engine(Demo.ENGINE).build();

        Response<List<Embedding>> response =
                model.embedAll(TEXTS.stream().map(TextSegment::from).toList());

        int tokens = TEXTS.stream()
                .mapToInt(text -> Demo.ENGINE.tokenizer().encode(text).length)
                .sum();
        assertThat(response.tokenUsage()).isEqualTo(new TokenUsage(tokens));
    }

    @Test
    void embedsNothingAsNothing() {
        assertThat(RwkvEmbeddingModel.builder()
                        .engine(Demo.ENGINE)
                        .build()
                        .embedAll(List.of())
                        .content())
                .isEmpty();
    }

    @Test
    void saysWhichPoolingItUses() {
        assertThat(RwkvEmbeddingModel.builder().engine(Demo.ENGINE).build().modelName())
                .isEqualTo("rwkv-demo (mean)");
        assertThat(RwkvEmbeddingModel.builder()
                        .engine(Demo.ENGINE)
                        .pooling(Pooling.LAST)
                        .build()
                        .modelName())
                .isEqualTo("rwkv-demo (last)");
    }

    @Test
    void canBeListenedTo() {
        List<Embedding> heard = new ArrayList<>();
        EmbeddingModelListener listener = new EmbeddingModelListener() {
            @Override
            public void onResponse(EmbeddingModelResponseContext context) {
                heard.addAll(context.response().content());
            }
        };

        Embedding embedding = RwkvEmbeddingModel.builder()
                .engine(Demo.ENGINE)
                .build()
                .addListener(listener)
                .embed("Hello!")
                .content();

        assertThat(heard).containsExactly(embedding);
    }

    @Test
    void failsForGoodOnceTheEngineIsClosed() {
        Rwkv engine = Rwkv.open(Demo.MODEL);
        RwkvEmbeddingModel model = RwkvEmbeddingModel.builder().engine(engine).build();
        engine.close();

        assertThatThrownBy(() -> model.embed("Hello!")).isExactlyInstanceOf(NonRetriableException.class);
    }
}
