package io.github.rwkv4j.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.engine.weights.Quantization;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class InfoTest {
    @TempDir
    Path folder;

    static Stream<Path> models() {
        return Stream.concat(
                Stream.of(DemoModelFiles.model()),
                Stream.of("v5.1", "v5.2", "v6", "v7")
                        .map(generation -> Golden.file(generation + "/model.safetensors")));
    }

    @ParameterizedTest
    @MethodSource("models")
    void saysWhatTheOpenedModelSays(Path file) {
        Description description = Description.of(file);
        for (Quantization quantization : Quantization.values()) {
            RwkvOptions options =
                    RwkvOptions.builder().quantization(quantization).threads(1).build();
            try (Rwkv model = Rwkv.open(file, options)) {
                assertThat(description.generation()).isEqualTo(model.info().generation());
                assertThat(description.layers()).isEqualTo(model.info().layers());
                assertThat(description.embeddingSize()).isEqualTo(model.info().embeddingSize());
                assertThat(description.vocabularySize()).isEqualTo(model.info().vocabularySize());
                assertThat(description.parameters()).isEqualTo(model.info().parameters());
                assertThat(description.stateBytes()).isEqualTo(model.info().stateBytes());
                assertThat(description.memoryBytes().get(QuantizeOption.label(quantization)))
                        .isCloseTo(model.info().weightBytes(), withinPercentage(2));
            }
        }
    }

    @Test
    void printsOneLineOfJson() throws Exception {
        Program.Run run =
                Program.run("info", Golden.file("v6/model.safetensors").toString(), "--json");
        assertThat(run.status()).as(run.errors()).isZero();
        assertThat(run.output().lines()).hasSize(1);
        JsonNode json = JsonMapper.shared().readTree(run.output());
        assertThat(json.get("file").asString()).isEqualTo("model.safetensors");
        assertThat(json.get("generation").asString()).isEqualTo("RWKV-6");
        assertThat(json.get("layers").asInt()).isEqualTo(3);
        assertThat(json.get("heads").asInt()).isEqualTo(2);
        assertThat(json.get("head_size").asInt()).isEqualTo(64);
        assertThat(json.get("ffn_size").asInt()).isEqualTo(448);
        assertThat(json.get("vocabulary_size").asInt()).isEqualTo(256);
        assertThat(json.get("dtypes").get("F16").asLong())
                .isEqualTo(json.get("parameters").asLong());
        // Two rows of the token shifts and two matrices a layer, in float32.
        assertThat(json.get("state_bytes").asLong()).isEqualTo(3 * 4 * (2 * 128 + 2 * 64 * 64));
        assertThat(json.get("state_bytes_per_token").asLong()).isZero();
        assertThat(json.get("memory_bytes").get("q8_0").asLong())
                .isLessThan(json.get("memory_bytes").get("none").asLong());
    }

    @Test
    void tellsOfStatesThatGrow() {
        Description one = Description.of(Golden.file("v1/model.safetensors"));
        assertThat(one.stateBytesPerToken()).isPositive();
        assertThat(one.stateGrowsUntil()).isEqualTo(one.contextLength()).isPositive();
        Description two = Description.of(Golden.file("v2/model.safetensors"));
        // A key of 256 numbers and its token, in the copy head.
        assertThat(two.stateBytesPerToken()).isEqualTo(4 * 257);
        assertThat(two.table()).contains("1028 bytes more for each token");
    }

    @Test
    void saysInWordsWhatIsWrong() throws Exception {
        Program.Run missing =
                Program.run("info", folder.resolve("none.safetensors").toString());
        assertThat(missing.status()).isEqualTo(1);
        assertThat(missing.output()).isEmpty();
        assertThat(missing.errors())
                .contains("none.safetensors", "no such file")
                .doesNotContain("\tat ");

        Path text = Files.writeString(folder.resolve("text.safetensors"), "No model, but a few words.");
        Program.Run damaged = Program.run("info", text.toString());
        assertThat(damaged.status()).isEqualTo(1);
        assertThat(damaged.errors()).contains("text.safetensors").doesNotContain("\tat ");
    }
}
