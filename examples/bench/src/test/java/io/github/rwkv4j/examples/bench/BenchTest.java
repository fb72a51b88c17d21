package io.github.rwkv4j.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.RandomModel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchTest {
    @TempDir
    Path folder;

    @Test
    void printsOneLineOfJson() throws Exception {
        Path model = RandomModel.small(2, 64, 32).write(folder.resolve("tiny.safetensors"), 1);
        Program.Run run = Program.runProcess(
                "--model",
                model.toString(),
                "--prompt",
                "20",
                "--generate",
                "8",
                "--sessions",
                "3",
                "--threads",
                "2",
                "--quantize",
                "q8_0",
                "--rounds",
                "2",
                "--warmup",
                "0",
                "--json");
        assertThat(run.status()).as(run.errors()).isZero();
        assertThat(run.output().lines()).hasSize(1);
        JsonNode json = JsonMapper.shared().readTree(run.output());
        assertThat(json.propertyNames())
                .containsExactlyInAnyOrder(
                        "model",
                        "implementation",
                        "threads",
                        "sessions",
                        "load_seconds",
                        "prefill_tokens_per_second",
                        "decode_tokens_per_second",
                        "first_token_seconds",
                        "peak_rss_bytes",
                        "peak_anonymous_bytes");
        assertThat(json.get("model").asString()).isEqualTo("tiny.safetensors");
        assertThat(json.get("implementation").asString()).startsWith("CPU, ");
        assertThat(json.get("threads").asInt()).isEqualTo(2);
        assertThat(json.get("sessions").asInt()).isEqualTo(3);
        assertThat(json.get("prefill_tokens_per_second").asDouble()).isPositive();
        assertThat(json.get("decode_tokens_per_second").asDouble()).isPositive();
        assertThat(json.get("first_token_seconds").asDouble())
                .isGreaterThan(json.get("load_seconds").asDouble());
    }

    @Test
    void saysInWordsWhatIsWrong() throws Exception {
        Program.Run missing =
                Program.runProcess("--model", folder.resolve("none.safetensors").toString(), "--json");
        assertThat(missing.status()).isEqualTo(1);
        assertThat(missing.output()).isEmpty();
        assertThat(missing.errors())
                .contains("none.safetensors", "no such file")
                .doesNotContain("\tat ");

        Path model = RandomModel.small(1, 32, 32).write(folder.resolve("tiny.safetensors"), 1);
        Program.Run option = Program.runProcess("--model", model.toString(), "--quantize", "q3");
        assertThat(option.status()).isEqualTo(1);
        assertThat(option.errors()).contains("--quantize is q3 but must be none or q8_0");
    }

    @Test
    void isWhatRunsWithoutACommandAndUnderItsName() throws Exception {
        Path model = RandomModel.small(1, 32, 32).write(folder.resolve("tiny.safetensors"), 1);
        Program.Run run = Program.runProcess(
                "bench",
                "--model",
                model.toString(),
                "--prompt",
                "4",
                "--generate",
                "2",
                "--rounds",
                "1",
                "--warmup",
                "0");
        assertThat(run.status()).as(run.errors()).isZero();
        assertThat(run.output()).contains("tiny.safetensors", "tokens/s");
        Program.Run none = Program.runProcess();
        assertThat(none.status()).isEqualTo(2);
        assertThat(none.errors()).contains("Missing required option: '--model=FILE'");
        Program.Run help = Program.runProcess("--help");
        assertThat(help.status()).isZero();
        assertThat(help.output()).contains("bench", "info", "chat", "convert", "logits");
    }
}
