package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.testing.ObservedDevice;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.Repository;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class EmbeddingTest {
    private static final int WIDTH = 64;

    private final ObservedDevice device = new ObservedDevice();

    /** Over bytes, without an end of text. */
    private Rwkv bytes;

    /** Over words, with an end of text. */
    private Rwkv words;

    @BeforeEach
    void open(@TempDir Path directory) {
        RwkvOptions.Builder options =
                RwkvOptions.builder().threads(1).maxSessions(4).queueCapacity(0).prefillRows(16);
        bytes = Rwkv.open(
                RandomModel.small(2, WIDTH, 32).write(directory.resolve("bytes.safetensors"), 1),
                options.build(),
                device);
        words = Rwkv.open(
                new RandomModel(2, WIDTH, 32, 2 * WIDTH, 1038, 8, 8, 8, 8)
                        .write(directory.resolve("words.safetensors"), 1),
                options.vocabulary(Repository.path("rwkv-engine/src/test/resources/tokenizer/demo.vocab.txt"))
                        .build());
    }

    @AfterEach
    void close() {
        bytes.close();
        words.close();
    }

    @ParameterizedTest
    @EnumSource
    void manyTextsAreTheSameAsOneByOneAndOfLengthOne(Pooling pooling) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            texts.add("Text %d has its words. ".formatted(i).repeat(i + 1));
        }
        List<float[]> together = bytes.embed(texts, pooling);
        assertThat(together).hasSameSizeAs(texts);
        for (int i = 0; i < texts.size(); i++) {
            assertThat(together.get(i))
                    .hasSize(WIDTH)
                    .isEqualTo(bytes.embed(List.of(texts.get(i)), pooling).getFirst());
            assertThat(length(together.get(i))).isCloseTo(1, within(1e-6));
        }
        assertThat(together.get(0)).isNotEqualTo(together.get(1));
    }

    @Test
    void meanIsTheMeanOfTheLastNormsOutputs() {
        float[] embedding = bytes.embed(List.of("Of forty tokens, in three pieces of 16."), Pooling.MEAN)
                .getFirst();
        List<float[]> features = device.rowsRead();
        assertThat(features).hasSize("Of forty tokens, in three pieces of 16.".length());
        double[] mean = new double[WIDTH];
        for (float[] row : features) {
            for (int k = 0; k < WIDTH; k++) {
                mean[k] += (double) row[k] / features.size();
            }
        }
        assertDirection(embedding, mean);
    }

    @Test
    void lastIsTheLastNormsOutputAtTheLastToken() {
        float[] embedding = bytes.embed(List.of("Of forty tokens, in pieces."), Pooling.LAST)
                .getFirst();
        assertThat(device.rowsRead()).singleElement().satisfies(row -> {
            double[] expected = new double[WIDTH];
            for (int k = 0; k < WIDTH; k++) {
                expected[k] = row[k];
            }
            assertDirection(embedding, expected);
        });
        // Of a single token there is nothing to choose.
        assertThat(bytes.embed(List.of("a"), Pooling.LAST))
                .containsExactly(bytes.embed(List.of("a"), Pooling.MEAN).getFirst());
    }

    @Test
    void lastReadsAnEndOfTextWhereTheVocabularyHasOne() {
        assertThat(words.tokenizer().endOfText()).hasValue(0);
        float[] onlyEnd = words.embed(List.of(""), Pooling.LAST).getFirst();
        assertThat(length(onlyEnd)).isCloseTo(1, within(1e-6));
        float[] text = words.embed(List.of("my name is Lober"), Pooling.LAST).getFirst();
        assertThat(text).isNotEqualTo(onlyEnd);
        assertThat(words.embed(List.of("a"), Pooling.LAST).getFirst())
                .isNotEqualTo(words.embed(List.of("a"), Pooling.MEAN).getFirst());
    }

    @Test
    void refusesATextWithoutTokens() {
        assertThatThrownBy(() -> words.embed(List.of("a", ""), Pooling.MEAN))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> bytes.embed(List.of("a", "b", ""), Pooling.LAST))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("empty");
        assertThat(bytes.embed(List.of(), Pooling.MEAN)).isEmpty();
        // The texts before it were not begun: with all places free, the next list is accepted at once.
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(() -> bytes.embed(List.of("a", "b", "c", ""), Pooling.LAST))
                    .isInstanceOf(InvalidRequestException.class);
        }
        assertThat(bytes.embed(List.of("a", "b", "c", "d"), Pooling.LAST)).hasSize(4);
    }

    private static double length(float[] vector) {
        double squares = 0;
        for (float value : vector) {
            squares += (double) value * value;
        }
        return Math.sqrt(squares);
    }

    private static void assertDirection(float[] embedding, double[] expected) {
        double squares = 0;
        for (double value : expected) {
            squares += value * value;
        }
        for (int k = 0; k < WIDTH; k++) {
            assertThat((double) embedding[k]).isCloseTo(expected[k] / Math.sqrt(squares), within(1e-6));
        }
    }
}
