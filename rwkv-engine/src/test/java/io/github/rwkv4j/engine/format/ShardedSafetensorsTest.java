package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointTest.assertClose;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertRefused;
import static io.github.rwkv4j.engine.format.CheckpointTest.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class ShardedSafetensorsTest {
    @TempDir
    Path folder;

    private final Map<String, String> weightMap = new LinkedHashMap<>();

    @BeforeEach
    void splitTheGoldenModel() throws IOException {
        try (Checkpoint golden = Checkpoint.open(TestData.resource("golden/v7/model.safetensors"))) {
            List<List<Tensor>> parts = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            int next = 0;
            for (Tensor tensor : golden.tensors().values()) {
                int part = next++ % 3;
                parts.get(part).add(tensor);
                weightMap.put(tensor.name(), "model-0000%d-of-00003.safetensors".formatted(part + 1));
            }
            for (int i = 0; i < 3; i++) {
                Safetensors.write(folder.resolve("model-0000%d-of-00003.safetensors".formatted(i + 1)), parts.get(i));
            }
        }
        writeIndex(weightMap);
    }

    @Test
    void opensTheIndexOrItsDirectory() {
        Path index = folder.resolve("model.safetensors.index.json");
        try (Checkpoint golden = Checkpoint.open(TestData.resource("golden/v7/model.safetensors"));
                Checkpoint byIndex = Checkpoint.open(index);
                Checkpoint byDirectory = Checkpoint.open(folder)) {
            for (Checkpoint found : List.of(byIndex, byDirectory)) {
                assertThat(found.file()).isEqualTo(index);
                assertThat(found.tensors().keySet())
                        .containsExactlyElementsOf(golden.tensors().keySet());
                golden.tensors().forEach((name, expected) -> assertClose(name, tensor(found, name), expected, 0));
            }
            Tensor tensor = tensor(byIndex, "emb.weight");
            byIndex.close();
            assertThatThrownBy(() -> tensor.get(0)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void opensTheModelFileOfADirectory() throws IOException {
        Path directory = Files.createDirectory(folder.resolve("single"));
        Files.copy(TestData.resource("golden/v7/model.safetensors"), directory.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThat(checkpoint.file()).isEqualTo(directory.resolve("model.safetensors"));
            assertThat(checkpoint.tensors()).containsKey("emb.weight");
        }
    }

    @Test
    void missingAndDamagedFilesAreNamed() throws IOException {
        Path second = folder.resolve("model-00002-of-00003.safetensors");
        byte[] bytes = Files.readAllBytes(second);
        Files.write(second, java.util.Arrays.copyOf(bytes, 100));
        assertRefused(
                folder.resolve("model.safetensors.index.json"),
                "file model-00002-of-00003.safetensors of the index: safetensors header");
        Files.delete(second);
        assertRefused(
                folder.resolve("model.safetensors.index.json"),
                "names the file model-00002-of-00003.safetensors, which is not beside it; download it too");
        Files.createDirectory(second);
        assertRefused(
                folder.resolve("model.safetensors.index.json"),
                "file model-00002-of-00003.safetensors of the index: is a pipe or device");
    }

    @Test
    void tensorsThatTheirFileDoesNotHoldAreNamed() throws IOException {
        weightMap.put("blocks.9.ln1.weight", "model-00001-of-00003.safetensors");
        writeIndex(weightMap);
        assertRefused(
                folder.resolve("model.safetensors.index.json"),
                "names 1 tensors that their files don't hold, the first is \"blocks.9.ln1.weight\" in model-00001");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {}                                              | without a weight_map
                    {"weight_map":{}}                               | without a weight_map
                    {"model_type":"rwkv7","hidden":[1,{"a":2}]}     | without a weight_map
                    {"weight_map":["a"]}                            | holds START_ARRAY in weight_map
                    {"weight_map":{"a":1}}                          | holds VALUE_NUMBER_INT in weight_map
                    {"weight_map":{"a":"../model.safetensors"}}     | names the file "../model.safetensors"; expected the plain name
                    {"weight_map":{"a":"/etc/passwd"}}              | names the file "/etc/passwd"
                    {"weight_map":{"a":"c:\\\\model"}}              | names the file "c:\\model"
                    {"weight_map":{"a":".."}}                       | names the file ".."
                    {"weight_map":{"a":""}}                         | names the file ""
                    {"weight_map":{"a":"b","a":"b"}}                | Duplicate
                    {"weight_map":{"a":"b"}} x                      | is not the JSON expected
                    {"weight_map":{"a":"b"}} {}                     | goes on after its object
                    {"weight_map":{"a":"b"}                         | is not the JSON expected
                    {"x":[[[[[[[[[[[[]]]]]]]]]]]]}                  | is not the JSON expected
                    """)
    void otherJsonIsRefused(String json, String message) throws IOException {
        assertRefused(Files.writeString(folder.resolve("model.safetensors.index.json"), json), message);
    }

    private void writeIndex(Map<String, String> weightMap) throws IOException {
        Files.writeString(
                folder.resolve("model.safetensors.index.json"),
                JsonMapper.shared()
                        .writeValueAsString(Map.of("metadata", Map.of("total_size", 1), "weight_map", weightMap)));
    }
}
