package io.github.rwkv4j.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.FuzzCorpus;
import java.io.IOException;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fuzzing kept, once more: see docs/fuzzing.md. */
class FormatFuzzTest {
    private static final Map<String, Predicate<byte[]>> READERS = Map.of(
            "safetensors", SafetensorsFuzz::accepts,
            "pth", PthFuzz::accepts,
            "gguf", GgufFuzz::accepts,
            "rwkv-cpp", RwkvCppFuzz::accepts,
            "shard-index", ShardIndexFuzz::accepts);

    @ParameterizedTest
    @ValueSource(strings = {"safetensors", "pth", "gguf", "rwkv-cpp", "shard-index"})
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
