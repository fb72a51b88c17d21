package io.github.rwkv4j.examples.bench.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import io.github.rwkv4j.examples.bench.Golden;
import io.github.rwkv4j.examples.bench.Program;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

class ConvertTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "v7/model.safetensors, f32",
        "v7/model.safetensors, bf16",
        "v7-pth-bf16/model.pth, f16",
        "v2/model.safetensors, f32",
        "v5.1/model.safetensors, f16"
    })
    void writesSafetensorsWithTheSameNumbers(String model, String type) throws Exception {
        Path in = Golden.file(model);
        Path out = folder.resolve("out.safetensors");
        Program.Run run = Program.run("convert", in.toString(), out.toString(), "--to", type);
        assertThat(run.status()).as(run.errors()).isZero();
        assertThat(run.output()).isEmpty();
        try (Checkpoint expected = Checkpoint.open(in);
                Checkpoint found = Checkpoint.open(out)) {
            assertThat(found.tensors().keySet())
                    .containsExactlyElementsOf(expected.tensors().keySet());
            assertThat(found.metadata()).isEqualTo(expected.metadata());
            expected.tensors().forEach((name, tensor) -> {
                Tensor written = Objects.requireNonNull(found.tensors().get(name));
                assertThat(written.dtype()).isEqualTo(DType.valueOf(type.toUpperCase(java.util.Locale.ROOT)));
                assertThat(written.shape()).isEqualTo(tensor.shape());
                // The golden weights can be told exactly in all three.
                assertThat(values(written)).as(name).isEqualTo(values(tensor));
            });
        }
    }

    /** Eight bits of a golden model, read back, give nearly its logits: the limit is that of weights quantised on load. */
    @ParameterizedTest
    @ValueSource(strings = {"v4", "v5.0", "v5.1", "v5.2", "v6", "v7"})
    void writesEightBitsThatGiveNearlyTheSameLogits(String generation) throws Exception {
        Path in = Golden.file(generation + "/model.safetensors");
        Path out = folder.resolve("out.bin");
        Program.Run run = Program.run("convert", in.toString(), out.toString(), "--to", "q8_0");
        assertThat(run.status()).as(run.errors()).isZero();
        assertThat(Files.size(out)).isLessThan(Files.size(in));
        assertThat(error(out, generation)).isBetween(1e-4, 0.06);
    }

    /** rwkv.cpp's own RWKV-5 has another epsilon: its note travels to safetensors and back. */
    @Test
    void keepsTheEpsilonOfRwkvCpp() throws Exception {
        Path first = folder.resolve("first.bin");
        Path text = folder.resolve("text.safetensors");
        Path second = folder.resolve("second.bin");
        String in = Golden.file("v5.2/model.safetensors").toString();
        assertThat(Program.run("convert", in, first.toString(), "--to", "q8_0").status())
                .isZero();
        assertThat(Program.run("convert", first.toString(), text.toString(), "--to", "f32")
                        .status())
                .isZero();
        assertThat(Program.run("convert", text.toString(), second.toString(), "--to", "q8_0")
                        .status())
                .isZero();
        try (Checkpoint checkpoint = Checkpoint.open(text)) {
            assertThat(checkpoint.metadata()).containsEntry(Checkpoint.HEAD_NORM_EPSILON, "1e-5");
        }
        assertThat(second).hasSameBinaryContentAs(first);
        assertThat(error(text, "v5.2")).isBetween(1e-4, 0.06);
    }

    /** Root mean square of the logits' errors, in standard deviations of the expected ones. */
    private static double error(Path model, String generation) throws Exception {
        Program.Run run = Program.run("logits", model.toString(), "--tokens", Golden.joined(Golden.tokens(generation)));
        assertThat(run.status()).as(run.errors()).isZero();
        float[][] expected = Golden.logits(generation);
        List<String> lines = run.output().lines().toList();
        assertThat(lines).hasSize(expected.length);
        DoubleSummaryStatistics errors = new DoubleSummaryStatistics();
        DoubleSummaryStatistics values = new DoubleSummaryStatistics();
        DoubleSummaryStatistics squares = new DoubleSummaryStatistics();
        for (int i = 0; i < expected.length; i++) {
            float[] logits = JsonMapper.shared()
                    .treeToValue(JsonMapper.shared().readTree(lines.get(i)).get("logits"), float[].class);
            for (int id = 0; id < logits.length; id++) {
                double difference = logits[id] - expected[i][id];
                errors.accept(difference * difference);
                values.accept(expected[i][id]);
                squares.accept(expected[i][id] * expected[i][id]);
            }
        }
        double variance = squares.getAverage() - values.getAverage() * values.getAverage();
        return Math.sqrt(errors.getAverage() / variance);
    }

    @Test
    void replacesNothingWithoutForceAndLeavesNothingBehind() throws Exception {
        Path out = Files.writeString(folder.resolve("out.safetensors"), "precious");
        String[] arguments = {"convert", DemoModelFiles.model().toString(), out.toString(), "--to", "bf16"};
        assertRefused("out.safetensors: exists already", arguments);
        assertThat(out).hasContent("precious");

        List<String> forced = new ArrayList<>(List.of(arguments));
        forced.add("--force");
        Program.Run run = Program.run(forced.toArray(String[]::new));
        assertThat(run.status()).as(run.errors()).isZero();
        Checkpoint.open(out).close();
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(out);
        }
    }

    @Test
    void saysInWordsWhatIsWrong() throws Exception {
        String model = Golden.file("v7/model.safetensors").toString();
        String out = folder.resolve("out.safetensors").toString();
        assertRefused("no such file", "convert", folder.resolve("none.pth").toString(), out, "--to", "f16");
        assertRefused("'q3' is none of f32, f16, bf16, q8_0, q4_0", "convert", model, out, "--to", "q3");
        assertRefused("but q8_0 is written to a .bin file", "convert", model, out, "--to", "q8_0");
        assertRefused(
                "there is no such folder",
                "convert",
                model,
                folder.resolve("none/out.safetensors").toString(),
                "--to",
                "f16");
        assertRefused("Missing required parameter: 'OUT'", "convert", model, "--to", "f16");
        assertThat(Files.list(folder)).isEmpty();
    }

    /** A number that float16 can't hold is an error, and no file is left. */
    @Test
    void refusesNumbersThatTheTypeCannotHold() throws Exception {
        var tensors = new ArrayList<>(RandomModel.small(1, 32, 32).tensors(1).values());
        Tensor norm = tensors.stream()
                .filter(tensor -> tensor.name().equals("ln_out.weight"))
                .findFirst()
                .orElseThrow();
        norm.data().set(java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED, 0, 70000f);
        Path in = io.github.rwkv4j.engine.testing.Safetensors.write(folder.resolve("in.safetensors"), tensors);
        assertRefused(
                "ln_out.weight holds or needs 70000.0, too large for F16: choose bf16 or f32",
                "convert",
                in.toString(),
                folder.resolve("out.safetensors").toString(),
                "--to",
                "f16");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(in);
        }
    }

    @Test
    void roundsToTheNearest() {
        float[] values = new float[32];
        for (int i = 0; i < 32; i++) {
            values[i] = (i - 16) / 7f;
        }
        ByteBuffer out = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
        WeightType.BF16.encode(values, 32, out);
        for (int i = 0; i < 32; i++) {
            float back = Float.intBitsToFloat(out.getShort(2 * i) << 16);
            assertThat(back).isCloseTo(values[i], within(Math.abs(values[i]) / 256 + 1e-9f));
        }
        out.clear();
        WeightType.Q8_0.encode(values, 32, out);
        float scale = Float.float16ToFloat(out.getShort(0));
        for (int i = 0; i < 32; i++) {
            assertThat(scale * out.get(2 + i)).isCloseTo(values[i], within(scale * 0.51f));
        }
        out.clear();
        WeightType.Q4_0.encode(values, 32, out);
        float four = Float.float16ToFloat(out.getShort(0));
        for (int i = 0; i < 32; i++) {
            int q = (out.get(2 + i % 16) >> i / 16 * 4 & 15) - 8;
            // Eight above zero is one too many.
            assertThat(four * q).isCloseTo(values[i], within(Math.abs(four) * (values[i] / four > 7 ? 1.01f : 0.51f)));
        }
    }

    static float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        tensor.read(0, values.length, values);
        return values;
    }

    private static void assertRefused(String why, String... arguments) throws Exception {
        Program.Run run = Program.run(arguments);
        assertThat(run.status()).isPositive();
        assertThat(run.output()).isEmpty();
        assertThat(run.errors()).contains(why).doesNotContain("\tat ");
    }
}
