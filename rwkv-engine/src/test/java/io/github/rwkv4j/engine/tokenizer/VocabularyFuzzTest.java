package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.FuzzCorpus;
import java.io.IOException;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fuzzing kept, once more: see docs/fuzzing.md. */
class VocabularyFuzzTest {
    private static final Map<String, Predicate<byte[]>> READERS = Map.of(
            "world-vocabulary", WorldVocabularyFuzz::accepts,
            "character-table", CharacterTableFuzz::accepts,
            "bpe-vocabulary", BpeVocabularyFuzz::accepts);

    @ParameterizedTest
    @ValueSource(strings = {"world-vocabulary", "character-table", "bpe-vocabulary"})
    void whatFuzzingKeptIsReadOrRefused(String reader) throws IOException {
        Predicate<byte[]> accepts = READERS.getOrDefault(reader, _ -> false);
        Map<String, byte[]> inputs = FuzzCorpus.inputs(reader);
        inputs.forEach((name, input) -> {
            boolean accepted = accepts.test(input);
            if (FuzzCorpus.isSeed(name)) {
                assertThat(accepted).as("%s is read", name).isTrue();
            }
        });
        assertThat(inputs).hasSizeGreaterThan(10);
    }
}
