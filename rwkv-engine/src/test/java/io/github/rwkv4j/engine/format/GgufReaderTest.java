package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointTest.assertClose;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertRefused;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertTensor;
import static io.github.rwkv4j.engine.format.CheckpointTest.largest;
import static io.github.rwkv4j.engine.format.CheckpointTest.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufReaderTest {
    @TempDir
    Path folder;

    /** What the converter leaves in float32 and what it stores as float16 have the same values. */
    @ParameterizedTest
    @ValueSource(strings = {"v7", "v6"})
    void holdsTheOfficialTensors(String generation) {
        try (Checkpoint official = open("golden/" + generation + "/model.safetensors");
                Checkpoint gguf = open("golden/" + generation + "-gguf/model-f16.gguf")) {
            assertThat(gguf.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(official.tensors().keySet());
            official.tensors().forEach((name, expected) -> {
                assertThat(tensor(gguf, name).name()).isEqualTo(name);
                // Halved by the converter; what became subnormal lost its last bit there.
                boolean halved =
                        generation.equals("v6") && name.matches("blocks\\.2\\.(att\\.output|ffn\\.value)\\.weight");
                assertClose(name, tensor(gguf, name), expected, halved ? 6e-8f : 0);
            });
        }
    }

    @Test
    void keepsEightBitBlocksAsTheyAre() {
        try (Checkpoint official = open("golden/v7/model.safetensors");
                Checkpoint gguf = open("golden/v7-gguf/model-q8_0.gguf")) {
            assertThat(gguf.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(official.tensors().keySet());
            assertThat(tensor(gguf, "blocks.1.att.key.weight").dtype()).isEqualTo(DType.Q8_0);
            // Transposed ones cannot stay blocks.
            assertThat(tensor(gguf, "blocks.1.att.a1").dtype()).isEqualTo(DType.F32);
            official.tensors()
                    .forEach((name, expected) ->
                            assertClose(name, tensor(gguf, name), expected, largest(expected) / 240));
        }
    }

    @Test
    void tellsMetadataAndVocabulary() {
        try (Checkpoint checkpoint = open("golden/v7-gguf/model-f16.gguf")) {
            assertThat(checkpoint.metadata())
                    .contains(
                            entry("general.architecture", "rwkv7"),
                            entry("rwkv7.context_length", "1048576"),
                            entry("tokenizer.ggml.eos_token_id", "0"),
                            entry("rwkv7.attention.layer_norm_epsilon", "1.0E-5"));
            byte[][] tokens = checkpoint.vocabulary().orElseThrow();
            assertThat(tokens).hasNumberOfRows(256);
            assertThat(tokens[0]).isEmpty();
            for (int id = 1; id < 256; id++) {
                assertThat(tokens[id]).containsExactly((byte) (id - 1));
            }
        }
    }

    @Test
    void readsEveryKindOfMetadata() throws IOException {
        byte[] eight = GgufFile.little(8).putLong(-2).array();
        byte[] nested = GgufFile.little(12 + 12 + 2)
                .putInt(9)
                .putLong(1)
                .putInt(0)
                .putLong(2)
                .array();
        Path file = write(small().entry("u8", 0, new byte[] {-1})
                .entry("i8", 1, new byte[] {-1})
                .entry("u16", 2, new byte[] {-1, -1})
                .entry("i16", 3, new byte[] {-1, -1})
                .entry("u32", 4, new byte[] {-1, -1, -1, -1})
                .entry("i32", 5, new byte[] {-1, -1, -1, -1})
                .entry("f32", 6, GgufFile.little(4).putFloat(1.5f).array())
                .entry("bool", 7, new byte[] {1})
                .entry("u64", 10, eight)
                .entry("i64", 11, eight)
                .entry("f64", 12, GgufFile.little(8).putDouble(-0.5).array())
                .entry("nested", 9, nested)
                .texts("texts", "a", "b")
                .text("tokenizer.chat_template", "{% for m in messages %}"));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.metadata())
                    .contains(
                            entry("u8", "255"),
                            entry("i8", "-1"),
                            entry("u16", "65535"),
                            entry("i16", "-1"),
                            entry("u32", "4294967295"),
                            entry("i32", "-1"),
                            entry("f32", "1.5"),
                            entry("bool", "1"),
                            entry("u64", "18446744073709551614"),
                            entry("i64", "-2"),
                            entry("f64", "-0.5"),
                            entry("tokenizer.chat_template", "{% for m in messages %}"))
                    .doesNotContainKeys("nested", "texts");
            assertThat(checkpoint.vocabulary()).isEmpty();
        }
    }

    @Test
    void unescapesTokensAndLeavesOutControlAndUnusedOnes() throws IOException {
        Path file = write(small().text("tokenizer.ggml.model", "rwkv")
                .texts("tokenizer.ggml.tokens", "<s>", "a\\t\\n\\r\\\\\\'\"", "\\xff\\x0a\\q", "[PAD3]", "<|x|>")
                .numbers("tokenizer.ggml.token_type", 3, 1, 6, 5, 3));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            byte[][] tokens = checkpoint.vocabulary().orElseThrow();
            assertThat(new String(tokens[1], StandardCharsets.US_ASCII)).isEqualTo("a\t\n\r\\'\"");
            assertThat(tokens[2]).containsExactly((byte) 0xff, (byte) '\n', (byte) 'q');
            for (int id : new int[] {0, 3, 4}) {
                assertThat(tokens[id]).isEmpty();
            }
        }
    }

    /** The vocabulary of another kind of tokenizer is left to the file beside the model. */
    @Test
    void offersNoVocabularyThatIsNotAWorldOne() throws IOException {
        Path file = write(small().text("tokenizer.ggml.model", "gpt2").texts("tokenizer.ggml.tokens", "a", "b"));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.vocabulary()).isEmpty();
        }
    }

    @Test
    void readsOlderFilesWithSeparateMixes() throws IOException {
        GgufFile gguf = new GgufFile().text("general.architecture", "rwkv6").number("rwkv6.wkv.head_size", 2);
        for (String mix : new String[] {"x", "w", "k", "v", "r", "g"}) {
            gguf.floats("blk.0.time_mix_lerp_" + mix + ".weight", new float[] {mix.charAt(0), 1, 2, 3}, 4);
        }
        gguf.floats("blk.0.time_mix_first.weight", new float[] {1, 2, 3, 4}, 2, 2);
        try (Checkpoint checkpoint = Checkpoint.open(write(gguf))) {
            for (String mix : new String[] {"x", "w", "k", "v", "r", "g"}) {
                assertTensor(
                        checkpoint,
                        "blocks.0.att.time_maa_" + mix,
                        DType.F32,
                        new long[] {1, 1, 4},
                        mix.charAt(0),
                        1,
                        2,
                        3);
            }
            assertTensor(checkpoint, "blocks.0.att.time_faaaa", DType.F32, new long[] {2, 2}, 1, 2, 3, 4);
        }
    }

    @Test
    void leavesUnknownTensorsTheirNames() throws IOException {
        Path file =
                write(small().floats("rope_freqs.weight", new float[2], 2).floats("blk.0.odd.bias", new float[1], 1));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.tensors()).containsKeys("rope_freqs.weight", "blk.0.odd.bias");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    llama      | the architecture "llama"; expected rwkv6 or rwkv7
                    mamba      | the architecture "mamba"; expected rwkv6 or rwkv7
                    arwkv7     | the architecture "arwkv7"; expected rwkv6 or rwkv7, a hybrid with a Qwen Transformer
                    rwkv6qwen2 | the architecture "rwkv6qwen2"; expected rwkv6 or rwkv7, a hybrid
                    """)
    void otherArchitecturesAreRefusedByName(String architecture, String message) throws IOException {
        assertRefused(
                write(new GgufFile().text("general.architecture", architecture).floats("a", new float[1], 1)), message);
    }

    @Test
    void unreadableKindsOfFilesAreRefused() throws IOException {
        assertRefused(write(small().version(1)), "GGUF file of version 1");
        assertRefused(write(small().version(4)), "GGUF file of version 4");
        assertRefused(
                write(small().number("split.count", 3).number("split.no", 1)), "part 2 of a GGUF model split into 3");
        assertRefused(write(small().place("t", 10, 0, 256)), "tensor \"t\" has the type Q2_K; expected one of [F32");
        assertRefused(write(small().place("t", 99, 0, 256)), "type number 99");
        assertRefused(write(new GgufFile().floats("a", new float[1], 1)), "architecture \"\"");
    }

    @Test
    void damagedTensorListsAreRefused() throws IOException {
        assertRefused(write(small().place("t", 0, 0, 4)), "starts at byte 0, inside");
        assertRefused(write(small().place("t", 0, 4, 4)), "lies at 4; expected a multiple of 32");
        assertRefused(write(small().place("t", 0, 1 << 20, 4)), "expected a multiple of 32 and an end within 32 bytes");
        assertRefused(write(small().place("t", 0, -32, 4)), "lies at -32");
        assertRefused(write(small().place("t", 0, Long.MIN_VALUE, 4)), "lies at -9223372036854775808");
        assertRefused(write(small().place("t", 0, 32, 0, 4)), "shape [4, 0]; expected positive sizes");
        assertRefused(write(small().place("t", 0, 32, -4)), "shape [-4]; expected positive sizes");
        assertRefused(write(small().place("t", 0, 32, 1L << 40, 1L << 40)), "too large");
        assertRefused(write(small().place("t", 0, 32, Long.MAX_VALUE)), "too large");
        assertRefused(write(small().place("t", 8, 32, 16, 2)), "the last a multiple of 32");
        assertRefused(write(small().place("t", 0, 32)), "has 0 dimensions");
        assertRefused(write(small().place("t", 0, 32, 1, 1, 1, 1, 1)), "has 5 dimensions");
        assertRefused(write(small().place("x".repeat(600), 0, 32, 1)), "tensor name at byte", "expected at most 512");
        assertRefused(write(small().place("", 0, 32, 1)), "name of 0 characters");
        assertRefused(write(small().place("blk.0.attn_norm.weight", 0, 32, 1).counts(1, 1 << 20)), "1048576 tensors");
        assertRefused(write(small().counts(1, 0)), "tells of 0 tensors");
        assertRefused(write(small().counts(1, 2)), "the file is damaged");
        assertRefused(write(small().floats("output.weight", new float[8], 8)), "\"head.weight\" twice");
    }

    @Test
    void damagedMetadataIsRefused() throws IOException {
        assertRefused(write(small().counts(1 << 20, 1)), "1048576 metadata entries");
        assertRefused(write(small().counts(-1, 1)), "-1 metadata entries");
        assertRefused(write(small().entry("k", 13, new byte[0])), "has the type 13; expected 0 to 12");
        assertRefused(write(small().text("k", "a").text("k", "b")), "metadata key \"k\" twice");
        assertRefused(write(small().alignment(24)), "alignment of 24; expected a power of two");
        assertRefused(write(small().number("general.alignment", 0)), "alignment of 0");
        assertRefused(write(small().text("general.alignment", "x")), "\"x\"; expected a whole number");
        assertRefused(
                write(small().entry("k", 8, GgufFile.little(8).putLong(1L << 40).array())), "length of 1099511627776");
        assertRefused(write(small().entry("k", 8, GgufFile.little(8).putLong(-1).array())), "length of -1");
        assertRefused(write(small().number("rwkv7.wkv.head_size", 0)), "head size of 0");
        assertRefused(
                write(small().floats("blk.0.time_mix_r_k.weight", new float[5], 5)), "expected whole heads of 64");
        assertRefused(
                write(small().floats("blk.0.time_mix_lerp_fused.weight", new float[8], 4, 2)),
                "expected 6 × [1, 1, 4]");
        assertRefused(write(small().floats("blk.0.time_mix_w1.weight", new float[8], 8)), "expected 2 to 3 dimensions");
    }

    /** An array may tell of as many elements as it likes: nothing is allocated for what the file does not have. */
    @Test
    void absurdArraysAreRefused() throws IOException {
        byte[] many = GgufFile.little(12).putInt(8).putLong(1L << 50).array();
        for (String key : new String[] {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "other"}) {
            assertRefused(write(small().entry(key, 9, many)), "1125899906842624 elements");
        }
        assertRefused(
                write(small().numbers("tokenizer.ggml.tokens", 1, 2)),
                "vocabulary is an array of 2 elements of type 5");
        assertRefused(
                write(small().texts("tokenizer.ggml.token_type", "a")),
                "token types is an array of 1 elements of type 8");
        assertRefused(
                write(small().text("tokenizer.ggml.model", "rwkv")
                        .texts("tokenizer.ggml.tokens", "a", "b")
                        .numbers("tokenizer.ggml.token_type", 1)),
                "2 tokens but types for 1");
        for (String token : new String[] {"\\", "\\x", "\\x1", "\\xg0"}) {
            assertRefused(
                    write(small().text("tokenizer.ggml.model", "rwkv").texts("tokenizer.ggml.tokens", "<s>", token)),
                    "GGUF token 1 ");
        }
        byte[] nested = new byte[12 * 1000];
        for (int i = 0; i < 1000; i++) {
            GgufFile.little(12).putInt(9).putLong(1).flip().get(nested, 12 * i, 12);
        }
        assertRefused(write(small().entry("deep", 9, nested)), "is nested; expected at most 4 levels");
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(write(small().text("k", "v").numbers("n", 1, 2, 3)));
        // The last tensor's padding may be missing.
        for (int length = 4; length < whole.length - 16; length++) {
            Path file = Files.write(folder.resolve("cut.gguf"), java.util.Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Checkpoint.open(file).close())
                    .as("%d bytes", length)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("cut.gguf");
        }
    }

    /** A file with one tensor. */
    private static GgufFile small() {
        return GgufFile.rwkv7().floats("output.weight", new float[] {1, 2, 3, 4}, 4);
    }

    private Path write(GgufFile gguf) throws IOException {
        return Files.write(folder.resolve("model.gguf"), gguf.bytes());
    }

    private static Checkpoint open(String resource) {
        return Checkpoint.open(TestData.resource(resource));
    }
}
