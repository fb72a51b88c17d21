package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.tokenizer.ByteTokenizer;
import io.github.rwkv4j.engine.tokenizer.WorldTokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A user opens GGUF, rwkv.cpp and split safetensors files like any other, with nothing beside them. */
@Timeout(60)
class OpeningOtherFormatsTest {
    private static final RwkvOptions OPTIONS =
            RwkvOptions.builder().threads(1).maxSessions(1).prefillRows(8).build();

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"f16, F16", "q8_0, Q8_0"})
    void aGgufFileBringsItsVocabularyAndMetadata(String type, String weights) {
        Path file = TestData.resource("golden/v7-gguf/model-" + type + ".gguf");
        try (Rwkv model = Rwkv.open(file, OPTIONS)) {
            assertThat(model.info().name()).isEqualTo("model-" + type);
            assertThat(model.info().generation()).isEqualTo("RWKV-7");
            assertThat(model.info().weights()).isEqualTo(weights);
            assertThat(model.metadata()).contains(entry("rwkv7.context_length", "1048576"));
            assertThat(model.tokenizer()).isInstanceOf(WorldTokenizer.class);
            assertThat(model.tokenizer().encode("aé")).containsExactly('a' + 1, 0xC3 + 1, 0xA9 + 1);
            assertThat(model.tokenizer().endOfText()).hasValue(0);
            assertThat(greedy(model)).hasSize(5);
        }
    }

    @Test
    void everyFormatOfAModelGivesTheSameTokens() throws IOException {
        Path safetensors = TestData.resource("golden/v7/model.safetensors");
        Path shards = Files.createDirectory(directory.resolve("tiny-shards"));
        try (Checkpoint checkpoint = Checkpoint.open(safetensors)) {
            Safetensors.write(
                    shards.resolve("a.safetensors"), checkpoint.tensors().values());
            Files.writeString(
                    shards.resolve("model.safetensors.index.json"),
                    checkpoint.tensors().keySet().stream()
                            .map("\"%s\":\"a.safetensors\""::formatted)
                            .collect(Collectors.joining(",", "{\"weight_map\":{", "}}")));
        }
        int[] expected;
        try (Rwkv model = Rwkv.open(safetensors, OPTIONS)) {
            expected = greedy(model);
        }
        try (Rwkv model = Rwkv.open(TestData.resource("golden/v7-gguf/model-f16.gguf"), OPTIONS)) {
            assertThat(greedy(model)).isEqualTo(expected);
        }
        for (Path path : new Path[] {shards, shards.resolve("model.safetensors.index.json")}) {
            try (Rwkv model = Rwkv.open(path, OPTIONS)) {
                assertThat(model.info().name()).isEqualTo("tiny-shards");
                assertThat(model.tokenizer()).isInstanceOf(ByteTokenizer.class);
                assertThat(greedy(model)).isEqualTo(expected);
            }
        }
    }

    @Test
    void anRwkvCppFileGeneratesAsItsTrainedModel() {
        try (Rwkv model = Rwkv.open(TestData.shared("golden/rwkv.cpp-tiny/tiny-rwkv-7v0-834K-FP16.bin"), OPTIONS)) {
            GenerationResult result = model.generate(GenerationRequest.builder()
                    .prompt(model.tokenizer().encode("\"in"))
                    .sampling(Sampling.GREEDY)
                    .maxTokens(8)
                    .build());
            assertThat(result.text()).contains(" the");
        }
    }

    @Test
    void aModelOfAnotherArchitectureIsRefusedByName() throws IOException {
        byte[] gguf = Files.readAllBytes(TestData.resource("golden/v7-gguf/model-f16.gguf"));
        String text = new String(gguf, StandardCharsets.ISO_8859_1);
        int at = text.indexOf("rwkv7");
        System.arraycopy("llama".getBytes(StandardCharsets.US_ASCII), 0, gguf, at, 5);
        Path file = Files.write(directory.resolve("llama.gguf"), gguf);
        assertThatThrownBy(() -> Rwkv.open(file, OPTIONS))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll("llama.gguf", "architecture \"llama\"", "expected rwkv6 or rwkv7");
    }

    private static int[] greedy(Rwkv model) {
        return model.generate(GenerationRequest.builder()
                        .prompt(12, 49, 87)
                        .sampling(Sampling.GREEDY)
                        .maxTokens(5)
                        .build())
                .tokens();
    }
}
