package io.github.rwkv4j.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"bf16, BF16", "fp16, F16", "fp32, F32"})
    void pthAndSafetensorsOfOneModelHoldTheSameValues(String type, DType dtype) {
        try (Checkpoint safetensors = Checkpoint.open(resource("golden/v7/model.safetensors"));
                Checkpoint pth = Checkpoint.open(resource("golden/v7-pth-" + type + "/model.pth"))) {
            assertThat(pth.tensors().keySet())
                    .containsExactlyElementsOf(safetensors.tensors().keySet());
            assertThat(pth.tensors()).hasSizeGreaterThan(90).containsKey("blocks.0.att.key.weight");
            safetensors.tensors().forEach((name, expected) -> {
                Tensor tensor = pth.tensors().getOrDefault(name, expected);
                assertThat(tensor.dtype()).isEqualTo(dtype);
                assertThat(tensor.shape()).as(name).isEqualTo(expected.shape());
                assertThat(values(tensor)).as(name).isEqualTo(values(expected));
            });
        }
    }

    @Test
    void tellsItsFileAndMetadata() {
        Path file = resource("golden/v7/model.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.file()).isEqualTo(file);
            assertThat(checkpoint.metadata()).contains(entry("rwkv_version", "7.0"));
            assertThatThrownBy(() -> checkpoint.tensors().clear()).isInstanceOf(UnsupportedOperationException.class);
            assertThatThrownBy(() -> checkpoint.metadata().clear()).isInstanceOf(UnsupportedOperationException.class);
        }
    }

    /** Files by PyTorch itself; {@code torch/make.py} says how. */
    @ParameterizedTest
    @ValueSource(strings = {"zip.pth", "zip-protocol4.pth", "legacy.pth"})
    void readsWhatPyTorchWrites(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(resource("torch/" + name))) {
            float[] base = {0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f, 5, 5.5f};
            assertThat(checkpoint.tensors().keySet())
                    .containsExactly(
                            "weight",
                            "bias",
                            "base",
                            "transposed",
                            "row",
                            "column",
                            "expanded",
                            "scalar",
                            "empty",
                            "parameter",
                            "half",
                            "ids",
                            "mask");
            assertTensor(checkpoint, "weight", DType.F32, new long[] {3, 4}, base);
            assertTensor(checkpoint, "bias", DType.F32, new long[] {3}, 0, 2, 4);
            assertTensor(checkpoint, "base", DType.F32, new long[] {3, 4}, base);
            assertTensor(
                    checkpoint,
                    "transposed",
                    DType.F32,
                    new long[] {4, 3},
                    0,
                    2,
                    4,
                    0.5f,
                    2.5f,
                    4.5f,
                    1,
                    3,
                    5,
                    1.5f,
                    3.5f,
                    5.5f);
            assertTensor(checkpoint, "row", DType.F32, new long[] {4}, 2, 2.5f, 3, 3.5f);
            assertTensor(checkpoint, "column", DType.F32, new long[] {3}, 0.5f, 2.5f, 4.5f);
            assertTensor(checkpoint, "expanded", DType.F32, new long[] {2}, 1.5f, 1.5f);
            assertTensor(checkpoint, "scalar", DType.F64, new long[] {}, 2.5f);
            assertTensor(checkpoint, "empty", DType.F32, new long[] {0, 4});
            assertTensor(checkpoint, "parameter", DType.BF16, new long[] {3, 4}, base);
            assertTensor(checkpoint, "half", DType.F16, new long[] {3, 4}, base);
            assertThat(tensor(checkpoint, "ids").data().toArray(ValueLayout.JAVA_LONG_UNALIGNED))
                    .containsExactly(1, -2, 1L << 40);
            assertThat(tensor(checkpoint, "mask").data().toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(1, 0);
        }
    }

    @Test
    void readsTensorsBeyondTwoGigabytes() throws IOException {
        long hole = (2L << 30) + 4096;
        String header = """
                {"hole":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]},\
                "tail":{"dtype":"F32","shape":[3],"data_offsets":[%d,%d]}}""".formatted(hole, hole, hole, hole + 12);
        Path file = folder.resolve("large.safetensors");
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.write(little(8).putLong(header.length()).array());
            out.writeBytes(header);
            out.setLength(8 + header.length() + hole + 12);
            out.seek(out.length() - 12);
            out.write(little(12).putFloat(1.5f).putFloat(-2).putFloat(3).array());
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertTensor(checkpoint, "tail", DType.F32, new long[] {3}, 1.5f, -2, 3);
            assertThat(tensor(checkpoint, "hole").data().get(ValueLayout.JAVA_BYTE, hole - 1))
                    .isZero();
        }
    }

    @Test
    void closingUnmapsTheFile() {
        Checkpoint checkpoint = Checkpoint.open(resource("golden/v7/model.safetensors"));
        Tensor tensor = tensor(checkpoint, "emb.weight");
        checkpoint.close();
        checkpoint.close();
        assertThatThrownBy(() -> tensor.get(0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void openingAndClosingLeavesNoMapping() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(Files.exists(maps), "only Linux lists a process's mappings");
        Path file = Files.copy(resource("torch/zip.pth"), folder.resolve("counted.pth"));
        Path broken = Files.write(folder.resolve("counted-broken.pth"), Files.readAllBytes(file));
        try (RandomAccessFile out = new RandomAccessFile(broken.toFile(), "rw")) {
            out.setLength(out.length() - 1);
        }
        try (Checkpoint open = Checkpoint.open(file)) {
            assertThat(open.tensors()).isNotEmpty();
            assertThat(mappings(maps)).isEqualTo(1);
        }
        for (int i = 0; i < 1000; i++) {
            Checkpoint.open(file).close();
            assertThatThrownBy(() -> Checkpoint.open(broken)).isInstanceOf(CheckpointException.class);
        }
        assertThat(mappings(maps)).isZero();
    }

    @Test
    void aMissingFileIsNotFound() {
        Path file = folder.resolve("absent.pth");
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageStartingWith(file + ": there is no such file");
    }

    @Test
    void aDirectoryIsRefusedWithTheCheckpointsInIt() throws IOException {
        assertRefused(folder, "is a directory", "it holds none of .safetensors, .pth, .gguf, .bin");
        for (String name : new String[] {"b.pth", "a.safetensors", "c.gguf", "notes.txt"}) {
            Files.createFile(folder.resolve(name));
        }
        assertRefused(folder, "name the file in it: a.safetensors, b.pth, c.gguf");
    }

    @Test
    void anEmptyFileIsRefused() throws IOException {
        assertRefused(write(new byte[0]), "is empty");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"hello", "version https://git-lfs.github.com/spec/v1\noid sha256:0", "<!DOCTYPE html>\n<p>"})
    void aTextFileIsRefusedWithItsStart(String text) throws IOException {
        assertRefused(
                write(text.getBytes(StandardCharsets.UTF_8)),
                "is a text file starting with \"" + text.replace('\n', '?') + '"');
    }

    @Test
    void unknownBytesAreRefused() throws IOException {
        assertRefused(write(new byte[] {1, 2, 3}), "starts with the bytes 01 02 03");
        assertRefused(write(new byte[100]), "starts with the bytes 00 00 00 00 00 00 00 00");
    }

    @Test
    void unreadableFilesAreRefused() throws IOException {
        Path file = write(new byte[100]);
        assumeTrue(file.toFile().setReadable(false) && !Files.isReadable(file), "the superuser reads every file");
        assertRefused(file, "cannot be read", "check its permissions");
    }

    @Test
    void filesInsideAnArchiveAreRefusedBecauseTheyCannotBeMapped() throws IOException {
        Path archive = folder.resolve("models.jar");
        try (FileSystem jar = FileSystems.newFileSystem(archive, Map.of("create", "true"))) {
            assertRefused(
                    Files.write(jar.getPath("model.pth"), new byte[100]), "expected a readable file on a local disk");
        }
    }

    @Test
    void devicesAreRefused() {
        Path device = Path.of("/dev/zero");
        assumeTrue(Files.exists(device), "this system has no /dev/zero");
        assertRefused(device, "is a pipe or device");
    }

    private Path write(byte[] content) throws IOException {
        return Files.write(folder.resolve("file"), content);
    }

    static void assertRefused(Path file, String... parts) {
        assertThatThrownBy(() -> Checkpoint.open(file).close())
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts);
    }

    static void assertTensor(Checkpoint checkpoint, String name, DType dtype, long[] shape, float... values) {
        Tensor tensor = tensor(checkpoint, name);
        assertThat(tensor.dtype()).as(name).isEqualTo(dtype);
        assertThat(tensor.shape()).as(name).isEqualTo(shape);
        assertThat(values(tensor)).as(name).isEqualTo(values);
    }

    static Tensor tensor(Checkpoint checkpoint, String name) {
        return Objects.requireNonNull(checkpoint.tensors().get(name), name);
    }

    static float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = tensor.get(i);
        }
        return values;
    }

    static void assertClose(String name, Tensor found, Tensor expected, float limit) {
        assertThat(found.shape()).as(name).isEqualTo(expected.shape());
        float[] a = values(found);
        float[] b = values(expected);
        float difference = 0;
        for (int i = 0; i < b.length; i++) {
            difference = Math.max(difference, Math.abs(a[i] - b[i]));
        }
        assertThat(difference).as(name).isLessThanOrEqualTo(limit);
    }

    /** The largest magnitude in a tensor. */
    static float largest(Tensor tensor) {
        float largest = 0;
        for (float value : values(tensor)) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    static Path resource(String name) {
        try {
            return Path.of(Objects.requireNonNull(CheckpointTest.class.getResource("/" + name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long mappings(Path maps) throws IOException {
        try (Stream<String> lines = Files.lines(maps)) {
            return lines.filter(line -> line.contains("counted")).count();
        }
    }
}
