package io.github.rwkv4j.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.RandomRwkv7;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchTest {
    @TempDir
    Path folder;

    private record Run(int status, String output, String errors) {}

    private static Run run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Bench.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).start();
        process.getOutputStream().close();
        StringBuilder errors = new StringBuilder();
        Thread reader = Thread.ofVirtual().start(() -> {
            try {
                errors.append(new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                errors.append(e);
            }
        });
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        reader.join();
        return new Run(process.waitFor(), output, errors.toString());
    }

    @Test
    void printsOneLineOfJson() throws Exception {
        Path model = RandomRwkv7.small(2, 64, 32).write(folder.resolve("tiny.safetensors"), 1);
        Run run = run(
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
        Run missing = run("--model", folder.resolve("none.safetensors").toString(), "--json");
        assertThat(missing.status()).isEqualTo(1);
        assertThat(missing.output()).isEmpty();
        assertThat(missing.errors())
                .contains("none.safetensors", "no such file")
                .doesNotContain("\tat ");

        Path model = RandomRwkv7.small(1, 32, 32).write(folder.resolve("tiny.safetensors"), 1);
        Run option = run("--model", model.toString(), "--quantize", "q3");
        assertThat(option.status()).isEqualTo(1);
        assertThat(option.errors()).contains("--quantize is q3 but must be none or q8_0");
    }
}
