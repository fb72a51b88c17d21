package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointTest.assertRefused;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertTensor;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.weights.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PthReaderTest {
    private static final byte[] SIX = floats(1, 2, 3, 4, 5, 6);
    private static final byte[] MATRIX = Pickle.ofTensor(6, 0, new long[] {2, 3}, 3, 1);

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsZipAndZip64(boolean zip64) throws IOException {
        ZipFile zip = ZipFile.of(MATRIX, SIX);
        try (Checkpoint checkpoint = Checkpoint.open(write((zip64 ? zip.inZip64() : zip).bytes()))) {
            assertTensor(checkpoint, "w", DType.F32, new long[] {2, 3}, 1, 2, 3, 4, 5, 6);
        }
    }

    @Test
    void stridedViewsBecomeRowMajor() throws IOException {
        Pickle pickle = Pickle.start().op('}').op('(');
        pickle.string("transposed").tensor("0", "FloatStorage", 6, 0, new long[] {3, 2}, 1, 3);
        pickle.string("offset").tensor("0", "FloatStorage", 6, 2, new long[] {2, 2}, 2, 1);
        pickle.string("every second").tensor("0", "FloatStorage", 6, 1, new long[] {3}, 2);
        pickle.string("expanded").tensor("0", "FloatStorage", 6, 4, new long[] {2, 1, 2}, 0, 7, 1);
        pickle.string("odd stride of one").tensor("0", "FloatStorage", 6, 0, new long[] {1, 6}, 99, 1);
        pickle.string("permuted").tensor("0", "FloatStorage", 6, 0, new long[] {1, 2, 3}, 6, 1, 2);
        Path file = write(ZipFile.of(pickle.op('u').stop(), SIX).bytes());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertTensor(checkpoint, "transposed", DType.F32, new long[] {3, 2}, 1, 4, 2, 5, 3, 6);
            assertTensor(checkpoint, "offset", DType.F32, new long[] {2, 2}, 3, 4, 5, 6);
            assertTensor(checkpoint, "every second", DType.F32, new long[] {3}, 2, 4, 6);
            assertTensor(checkpoint, "expanded", DType.F32, new long[] {2, 1, 2}, 5, 6, 5, 6);
            assertTensor(checkpoint, "odd stride of one", DType.F32, new long[] {1, 6}, 1, 2, 3, 4, 5, 6);
            assertTensor(checkpoint, "permuted", DType.F32, new long[] {1, 2, 3}, 1, 3, 5, 2, 4, 6);
        }
    }

    @Test
    void contiguousTensorsStayInTheMappedFile() throws IOException {
        Pickle pickle = Pickle.start().op('}').op('(');
        pickle.string("a").tensor("0", "FloatStorage", 6, 0, new long[] {6}, 1);
        pickle.string("b").tensor("0", "FloatStorage", 6, 2, new long[] {2, 2}, 2, 1);
        try (Checkpoint checkpoint =
                Checkpoint.open(write(ZipFile.of(pickle.op('u').stop(), SIX).bytes()))) {
            long a = CheckpointTest.tensor(checkpoint, "a").data().address();
            assertThat(CheckpointTest.tensor(checkpoint, "b").data().address()).isEqualTo(a + 8);
            assertThat(a % 64).isZero();
        }
    }

    @Test
    void readsTheLegacyContainer() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(write(legacy(MATRIX, "0", 6, SIX)))) {
            assertTensor(checkpoint, "w", DType.F32, new long[] {2, 3}, 1, 2, 3, 4, 5, 6);
        }
    }

    @Test
    void damagedLegacyContainersAreRefused() throws IOException {
        assertRefused(write(legacy(MATRIX, "1", 6, SIX)), "unexpected storage");
        assertRefused(write(legacy(MATRIX, "0", 7, SIX)), "unexpected storage");
        assertRefused(write(legacy(MATRIX, "0", 6, floats(1, 2, 3))), "storage of 24 bytes is expected");
        assertRefused(write(Pickle.start().op('N').stop()), "is a pickle but not a PyTorch checkpoint");
        byte[] bigEndian = legacy(MATRIX, "0", 6, SIX);
        bigEndian[new String(bigEndian, StandardCharsets.ISO_8859_1).indexOf('\u0088')] = (byte) 0x89;
        assertRefused(write(bigEndian), "little-endian");
    }

    @Test
    void viewsOutsideTheirStorageAreRefused() throws IOException {
        long big = Long.MAX_VALUE / 2;
        assertPickleRefused(Pickle.ofTensor(6, 1, new long[] {2, 3}, 3, 1), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, -1, new long[] {2, 3}, 3, 1), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {2, 3}, 4, 1), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, 5, new long[] {2}, -1), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {2, 3}, 1), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {3}, big), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, 7, new long[] {0}, 1), "expected a view within 6 elements");
        assertPickleRefused(Pickle.ofTensor(6, Long.MIN_VALUE, new long[] {0}, 1), "expected a view within 6");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {-2, -3}, 3, 1), "Negative dimension");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {1L << 32, 1L << 32}, 0, 0), "too large");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {1L << 61}, 0), "overflow");
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[9], new long[9]), "9 dimensions");
    }

    @Test
    void expandedTensorsCannotOutgrowTheFile() throws IOException {
        assertPickleRefused(Pickle.ofTensor(6, 0, new long[] {1L << 40}, 0), "expected all copies to stay below");
        Pickle many = Pickle.start().op('}').op('(');
        for (int i = 0; i < 100; i++) {
            many.string("w" + i).tensor("0", "FloatStorage", 6, 0, new long[] {1000}, 0);
        }
        assertPickleRefused(many.op('u').stop(), "expected all copies to stay below");
    }

    @Test
    void storagesMustBePresentAndOfTheirSize() throws IOException {
        assertRefused(write(ZipFile.of(MATRIX).bytes()), "storage \"0\" is missing");
        assertRefused(write(ZipFile.of(MATRIX, floats(1)).bytes()), "storage \"0\" is 4 bytes long");
        assertPickleRefused(Pickle.ofTensor(-6, 0, new long[] {1}, 1), "Negative dimension");
        assertPickleRefused(Pickle.ofTensor(Long.MAX_VALUE, 0, new long[] {1}, 1), "overflow");
    }

    @Test
    void otherValuesBesideTensorsAreIgnoredButContainersRefused() throws IOException {
        Pickle pickle = Pickle.start().op('}').op('(');
        pickle.string("step")
                .number(7)
                .string("note")
                .string("x")
                .string("none")
                .op('N')
                .string("done")
                .op(0x88);
        pickle.string("rate").op('G').op(0, 8);
        try (Checkpoint checkpoint =
                Checkpoint.open(write(ZipFile.of(pickle.op('u').stop()).bytes()))) {
            assertThat(checkpoint.tensors()).isEmpty();
        }
        byte[] nested = Pickle.start().op('}').string("model").op('}').op('s').stop();
        assertPickleRefused(nested, "holds a dict under \"model\"", "save only model.state_dict()");
        assertPickleRefused(Pickle.start().op(']').stop(), "holds a list; expected a dict of tensors");
    }

    @Test
    void compressedAndEncryptedEntriesAreRefused() throws IOException {
        assertZipRefused(entry -> entry.withMethod(8), "\"model/data/0\" is compressed or encrypted (method 8");
        assertZipRefused(entry -> entry.withFlags(1), "is compressed or encrypted (method 0, flags 1)");
    }

    @Test
    void entriesThatLieAboutTheirPlaceAreRefused() throws IOException {
        assertZipRefused(entry -> entry.withSizes(24, 1 << 30), "has 1073741824 bytes stored as 24");
        assertZipRefused(entry -> entry.withSizes(1 << 20, 1 << 20), "does not end before the directory");
        assertZipRefused(entry -> entry.withOffset(entry.offset() + 1), "does not start at byte");
        assertZipRefused(entry -> entry.withOffset(1 << 30), "expected at byte 1073741824");
        ZipFile zip64 = ZipFile.of(MATRIX, SIX).inZip64();
        zip64.entries.set(1, zip64.entries.get(1).withOffset(-1));
        assertRefused(write(zip64.bytes()), "expected at byte -1");
        ZipFile hugeZip64 = ZipFile.of(MATRIX, SIX).inZip64();
        hugeZip64.entries.set(1, hugeZip64.entries.get(1).withSizes(Long.MAX_VALUE, Long.MAX_VALUE));
        assertRefused(write(hugeZip64.bytes()), "does not end before the directory");
        ZipFile negativeZip64 = ZipFile.of(MATRIX, SIX).inZip64();
        negativeZip64.entries.set(1, negativeZip64.entries.get(1).withSizes(-9, -9));
        assertRefused(write(negativeZip64.bytes()), "does not end before the directory");
    }

    @Test
    void localAndDirectoryNamesMustAgree() throws IOException {
        ZipFile zip = ZipFile.of(MATRIX, SIX);
        int header = (int) zip.entries.get(1).offset();
        byte[] longer = zip.bytes();
        longer[header + 26]++;
        assertRefused(write(longer), "\"model/data/0\" does not start at byte " + header);
        byte[] renamed = ZipFile.of(MATRIX, SIX).bytes();
        renamed[header + 30]++;
        assertRefused(write(renamed), "\"model/data/0\" does not start at byte " + header);
    }

    @Test
    void overlappingAndRepeatedEntriesAreRefused() throws IOException {
        ZipFile repeated = ZipFile.of(MATRIX, SIX);
        repeated.entries.add(repeated.entries.get(1));
        assertRefused(write(repeated.bytes()), "\"model/data/0\" occurs twice");

        // The first entry is stretched over the second one, which also keeps its own place.
        ZipFile overlapping = ZipFile.of(MATRIX, SIX);
        overlapping.entries.set(0, overlapping.entries.get(0).withSizes(MATRIX.length + 64, MATRIX.length + 64));
        assertRefused(write(overlapping.bytes()), "\"model/data/0\" starts at byte", "inside \"model/data.pkl\"");
    }

    @Test
    void otherZipFilesAreRefused() throws IOException {
        assertRefused(write(new ZipFile().bytes()), "is a ZIP file with 0 entries FOLDER/data.pkl");
        assertRefused(write(ZipFile.of(MATRIX, SIX).add("b/data.pkl", MATRIX).bytes()), "with 2 entries");
        assertRefused(write(ZipFile.of(MATRIX, SIX).add("a".repeat(2000), SIX).bytes()), "a name of 2000 bytes");
    }

    @Test
    void onlyLittleEndianFilesAreRead() throws IOException {
        byte[] little = ZipFile.of(MATRIX, SIX)
                .add("model/byteorder", "little".getBytes(StandardCharsets.UTF_8))
                .bytes();
        Checkpoint.open(write(little)).close();
        byte[] big = ZipFile.of(MATRIX, SIX)
                .add("model/byteorder", "big".getBytes(StandardCharsets.UTF_8))
                .bytes();
        assertRefused(write(big), "byteorder other than \"little\"");
    }

    private void assertPickleRefused(byte[] pickle, String... parts) throws IOException {
        assertRefused(write(ZipFile.of(pickle, SIX).bytes()), parts);
    }

    private void assertZipRefused(UnaryOperator<ZipFile.Entry> lie, String message) throws IOException {
        ZipFile zip = ZipFile.of(MATRIX, SIX);
        zip.entries.set(1, lie.apply(zip.entries.get(1)));
        assertRefused(write(zip.bytes()), message);
    }

    private Path write(byte[] content) throws IOException {
        return Files.write(folder.resolve("model.pth"), content);
    }

    private static byte[] legacy(byte[] pickle, String key, long elements, byte[] storage) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(HexFormat.of().parseHex("80028a0a6cfc9c46f9206aa850192e"));
        out.writeBytes(Pickle.start().number(1001).stop());
        out.writeBytes(
                Pickle.start().op('}').string("little_endian").op(0x88).op('s').stop());
        out.writeBytes(pickle);
        out.writeBytes(Pickle.start().op(']').string(key).op('a').stop());
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(elements)
                .array());
        out.writeBytes(storage);
        return out.toByteArray();
    }

    private static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return bytes.array();
    }
}
