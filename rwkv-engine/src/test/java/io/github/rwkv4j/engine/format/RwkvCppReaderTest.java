package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointTest.assertClose;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertRefused;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertTensor;
import static io.github.rwkv4j.engine.format.CheckpointTest.largest;
import static io.github.rwkv4j.engine.format.CheckpointTest.tensor;
import static io.github.rwkv4j.engine.format.CheckpointTest.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RwkvCppReaderTest {
    @TempDir
    Path folder;

    /**
     * The trained models of rwkv.cpp's own tests, against the official-name conversions of their float32 files. The limit
     * is a part of the largest weight of a tensor: float16 has 11 bits, the quantised types 5 bits in blocks of 32.
     */
    @ParameterizedTest
    @CsvSource({
        "4v0-660K-FP16, 4v0-660K, 5e-4, 18",
        "5v1-730K-FP16, 5v1-730K, 5e-4, 20",
        "5v2-730K-FP16, 5v2-730K, 5e-4, 22",
        "5v2-730K-Q5_0, 5v2-730K, 0.07, 22",
        "5v2-730K-Q5_1, 5v2-730K, 0.07, 22",
        "6v0-3m-Q5_1, 6v0-3m-from-Q5_1-F16, 5e-4, 26",
        "7v0-834K-FP16, 7v0-834K, 5e-4, 30"
    })
    void holdsTheOfficialTensors(String bin, String official, float limit, int tensorsPerBlock) {
        Path folder = TestData.shared("golden/rwkv.cpp-tiny");
        try (Checkpoint expected = Checkpoint.open(folder.resolve("tiny-rwkv-" + official + ".safetensors"));
                Checkpoint found = Checkpoint.open(folder.resolve("tiny-rwkv-" + bin + ".bin"))) {
            assertThat(found.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(expected.tensors().keySet());
            assertThat(found.tensors()).hasSizeGreaterThan(4 * tensorsPerBlock);
            expected.tensors().forEach((name, tensor) -> {
                // Beside that, what float16 cannot tell from zero.
                assertClose(name, tensor(found, name), tensor, Math.max(3.1e-8f, limit * largest(tensor)));
            });
        }
    }

    @Test
    void undoesTheExponentialsOfGeneration4And5() throws IOException {
        float p = -1.25f;
        float q = 0.5f;
        Path four = write(RwkvCppFile.small(false)
                .floats("blocks.0.att.time_decay", new float[] {(float) -Math.exp(p), -0f}, 2)
                .floats("blocks.0.att.time_first", new float[] {p, q}, 2));
        try (Checkpoint checkpoint = Checkpoint.open(four)) {
            float[] decay = values(tensor(checkpoint, "blocks.0.att.time_decay"));
            assertThat(decay[0]).isCloseTo(p, within(1e-6f));
            // Rounded to 0 by the converter: any logarithm that gives 0 again.
            assertThat((float) Math.exp(decay[1])).isZero();
            assertTensor(checkpoint, "blocks.0.att.time_first", DType.F32, new long[] {2}, p, q);
        }
        Path five = write(RwkvCppFile.small(true)
                .floats("blocks.0.att.time_decay", new float[] {(float) Math.exp(-Math.exp(p)), 0, 1}, 1, 1, 3)
                .floats("blocks.0.att.time_first", new float[] {(float) Math.exp(q), 0, 1}, 1, 1, 3)
                .floats("blocks.0.att.time_faaaa", new float[] {p, q, 1, 2}, 1, 2, 2));
        try (Checkpoint checkpoint = Checkpoint.open(five)) {
            Tensor decay = tensor(checkpoint, "blocks.0.att.time_decay");
            assertThat(decay.shape()).containsExactly(3);
            assertThat(decay.get(0)).isCloseTo(p, within(1e-6f));
            assertThat((float) Math.exp(-Math.exp(decay.get(1)))).isZero();
            assertThat((float) Math.exp(-Math.exp(decay.get(2)))).isEqualTo(1);
            Tensor first = tensor(checkpoint, "blocks.0.att.time_first");
            assertThat(first.get(0)).isCloseTo(q, within(1e-6f));
            assertThat((float) Math.exp(first.get(1))).isZero();
            assertTensor(checkpoint, "blocks.0.att.time_faaaa", DType.F32, new long[] {2, 2}, p, q, 1, 2);
            assertTensor(checkpoint, "blocks.0.att.time_mix_k", DType.F32, new long[] {1, 1, 2}, 0, 0);
        }
    }

    @Test
    void splitsJoinedMixesAndTransposesAdapters() throws IOException {
        float[] mixes = new float[12];
        for (int i = 0; i < mixes.length; i++) {
            mixes[i] = i;
        }
        Path file = write(RwkvCppFile.small(false)
                .floats("blocks.0.att.ln_x.weight", new float[2], 2)
                .floats("blocks.0.att.x_rwkvag", mixes, 2, 1, 6)
                .floats("blocks.0.att.w1", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
                .floats("blocks.0.att.time_maa_w2", new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            String order = "rwkvag";
            for (int i = 0; i < 6; i++) {
                assertTensor(
                        checkpoint,
                        "blocks.0.att.x_" + order.charAt(i),
                        DType.F32,
                        new long[] {1, 1, 2},
                        2 * i,
                        2 * i + 1);
            }
            assertTensor(checkpoint, "blocks.0.att.w1", DType.F32, new long[] {2, 3}, 1, 3, 5, 2, 4, 6);
            assertTensor(
                    checkpoint, "blocks.0.att.time_maa_w2", DType.F32, new long[] {2, 2, 2}, 1, 3, 2, 4, 5, 7, 6, 8);
        }
    }

    @Test
    void damagedFilesAreRefused() throws IOException {
        assertRefused(write(new RwkvCppFile(99)), "rwkv.cpp of version 99; expected 100 or 101");
        assertRefused(write(new RwkvCppFile(101)), "vocabulary of 4 ids, but its embedding is missing");
        assertRefused(
                write(new RwkvCppFile(101).floats("emb.weight", new float[6], 2, 3)),
                "its embedding is of another size");
        assertRefused(write(small().floats("emb.weight", new float[8], 2, 4)), "holds the tensor \"emb.weight\" twice");
        assertRefused(write(new RwkvCppFile(100).tensor("t", 8, new byte[24], 32)), "type 8 in a file of version 100");
        for (int type : new int[] {-1, 4, 5, 6, 10}) {
            assertRefused(write(small().tensor("t", type, new byte[4], 1)), "has the type " + type);
        }
        assertRefused(write(small().tensor("t", 2, new byte[18], 16, 2)), "the last a multiple of 32");
        assertRefused(write(small().floats("t", new float[1], 0)), "shape [0]; expected positive sizes");
        assertRefused(write(small().floats("t", new float[1], -1)), "shape [-1]; expected positive sizes");
        assertRefused(write(small().floats("t", new float[1], Integer.MAX_VALUE)), "but the file or part ends");
        int most = Integer.MAX_VALUE;
        assertRefused(write(small().floats("t", new float[1], most, most, most, most)), "too large");
        assertRefused(write(small().tensor(0, 1, 0, "t", new byte[4])), "has 0 dimensions");
        assertRefused(write(small().tensor(5, 1, 0, "t", new byte[4], 1, 1, 1, 1, 1)), "has 5 dimensions");
        assertRefused(write(small().tensor(1, 0, 0, "", new byte[4], 1)), "a name of 0 bytes");
        assertRefused(write(small().tensor(1, 1 << 30, 0, "t", new byte[4], 1)), "a name of 1073741824 bytes");
        assertRefused(write(small().tensor(1, -1, 0, "t", new byte[4], 1)), "a name of -1 bytes");
        assertRefused(write(small().floats("blocks.0.att.time_decay", new float[] {1}, 1)), "no converter writes");
        assertRefused(
                write(RwkvCppFile.small(true).floats("blocks.0.att.time_decay", new float[] {Float.NaN}, 1)),
                "holds NaN, which no converter writes");
        assertRefused(write(small().floats("blocks.0.att.w1", new float[2], 2)), "expected 2 to 3 dimensions");
        assertRefused(write(small().floats("blocks.0.att.x_rwkvag", new float[8], 2, 4)), "expected 6 × [1, 1, 2]");
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        byte[] whole = small().bytes();
        byte[] more = small().floats("head.weight", new float[8], 2, 4).bytes();
        for (int length = 4; length < more.length; length++) {
            Path file = Files.write(folder.resolve("cut.bin"), Arrays.copyOf(more, length));
            // A file that ends between two tensors cannot be told from a whole one here, but by the model.
            if (length != whole.length) {
                assertThatThrownBy(() -> Checkpoint.open(file).close())
                        .as("%d bytes", length)
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContaining("cut.bin");
            }
        }
    }

    private static RwkvCppFile small() {
        return RwkvCppFile.small(false);
    }

    private Path write(RwkvCppFile file) throws IOException {
        return Files.write(folder.resolve("model.bin"), file.bytes());
    }
}
