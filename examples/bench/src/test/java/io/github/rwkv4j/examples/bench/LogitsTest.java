package io.github.rwkv4j.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LogitsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2", "v3", "v4", "v5.0", "v5.1", "v5.2", "v6", "v7"})
    void areTheOriginals(String generation) throws Exception {
        int[] tokens = Golden.tokens(generation);
        float[][] expected = Golden.logits(generation);
        String model = Golden.file(generation + "/model.safetensors").toString();
        Program.Run run = Program.run("logits", model, "--tokens", Golden.joined(tokens), "--chunks", "5,1,17");
        assertThat(run.status()).as(run.errors()).isZero();
        List<String> lines = run.output().lines().toList();
        assertThat(lines).hasSize(tokens.length);
        for (int i = 0; i < tokens.length; i++) {
            JsonNode line = JsonMapper.shared().readTree(lines.get(i));
            assertThat(line.get("position").asInt()).isEqualTo(i);
            assertThat(line.get("token").asInt()).isEqualTo(tokens[i]);
            float[] logits = JsonMapper.shared().treeToValue(line.get("logits"), float[].class);
            assertThat(logits).containsExactly(expected[i], within(1e-4f));
        }
    }

    @Test
    void areTheSameInPiecesOfAnySizes() throws Exception {
        String model = Golden.file("v7/model.safetensors").toString();
        String tokens = Golden.joined(Golden.tokens("v7"));
        String whole = Program.run("logits", model, "--tokens", tokens).output();
        assertThat(whole.lines()).hasSize(64);
        for (String chunks : new String[] {"1", "64", "3,1,2000000000"}) {
            assertThat(Program.run("logits", model, "--tokens", tokens, "--chunks", chunks)
                            .output())
                    .isEqualTo(whole);
        }
    }

    @Test
    void beginFromATrainedState() throws Exception {
        Path model = RandomModel.small(1, 64, 32).write(folder.resolve("tiny.safetensors"), 1);
        float[] numbers = new float[2 * 32 * 32];
        Arrays.fill(numbers, 0.25f);
        MemorySegment data = MemorySegment.ofArray(new byte[4 * numbers.length]);
        MemorySegment.copy(numbers, 0, data, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, numbers.length);
        Path state = Safetensors.write(
                folder.resolve("state.safetensors"),
                List.of(new Tensor("blocks.0.att.time_state", DType.F32, new long[] {2, 32, 32}, data)));
        Program.Run from =
                Program.run("logits", model.toString(), "--tokens", "7", "--initial-state", state.toString());
        assertThat(from.status()).as(from.errors()).isZero();
        assertThat(from.output().lines()).hasSize(1);
        assertThat(from.output())
                .isNotEqualTo(
                        Program.run("logits", model.toString(), "--tokens", "7").output());
    }

    @Test
    void saysInWordsWhatIsWrong() throws Exception {
        String model = Golden.file("v7/model.safetensors").toString();
        assertRefused("--tokens has 256, but the model's ids are 0 to 255", model, "--tokens", "1,256");
        assertRefused("--tokens has -1, but the model's ids are 0 to 255", model, "--tokens=-1");
        assertRefused("'x' is not an int", model, "--tokens", "1,x");
        assertRefused("Missing required option: '--tokens=ID'", model);
        assertRefused("--chunks has 0, but a piece has at least 1 token", model, "--tokens", "1", "--chunks", "2,0");
        assertRefused("no such file", folder.resolve("none.safetensors").toString(), "--tokens", "1");
        assertRefused(
                "The tensor blocks.0.att.time_state is missing",
                Golden.file("v6/model.safetensors").toString(),
                "--tokens",
                "1",
                "--initial-state",
                Golden.file("v6/model.safetensors").toString());
    }

    private static void assertRefused(String why, String... arguments) throws Exception {
        String[] all = new String[arguments.length + 1];
        all[0] = "logits";
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        Program.Run run = Program.run(all);
        assertThat(run.status()).isPositive();
        assertThat(run.output()).isEmpty();
        assertThat(run.errors()).contains(why).doesNotContain("\tat ");
    }
}
