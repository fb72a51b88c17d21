package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointTest.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.weights.DType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsReaderTest {
    @TempDir
    Path folder;

    @Test
    void keepsFileOrderPaddingAndMetadata() throws IOException {
        Path file = write("""
                {"b":{"shape":[2],"data_offsets":[4,8],"dtype":"F16"},"__metadata__":{"k":"v"},\
                "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}\
                      """, new byte[] {0, 0, (byte) 0x80, 0x3f, 0, 0x3c, 0, (byte) 0xc0});
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.tensors().keySet()).containsExactly("b", "a", "e");
            assertThat(checkpoint.metadata()).containsOnlyKeys("k").containsValue("v");
            CheckpointTest.assertTensor(checkpoint, "a", DType.F32, new long[] {}, 1);
            CheckpointTest.assertTensor(checkpoint, "b", DType.F16, new long[] {2}, 1, -2);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_NONE, names = "Q.*")
    void readsEveryType(DType dtype) throws IOException {
        String header =
                "{\"a\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,%d]}}".formatted(dtype, dtype.bytes());
        try (Checkpoint checkpoint = Checkpoint.open(write(header, new byte[dtype.bytes()]))) {
            assertThat(CheckpointTest.tensor(checkpoint, "a").dtype()).isEqualTo(dtype);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}            | type "F8_E4M3"; expected one of [F64, F32
                    {"a":{"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]}}             | type "Q8_0"; expected one of [F64, F32
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}               | lies at [0, 16]
                    {"a":{"dtype":"F32","shape":[3],"data_offsets":[8,20]}}               | within 16 bytes of data
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}               | lies at [-8, 0]
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}                  | lies at [8]
                    {"a":{"dtype":"F32","shape":[0],"data_offsets":[99,99]}}              | lies at [99, 99]
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775807,-9223372036854775805]}} | lies at
                    {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}               | Negative dimension
                    {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}} | too large
                    {"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}}   | overflow
                    {"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}} | more than 8 dimensions
                    {"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}  | out of range
                    {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}              | VALUE_NUMBER_FLOAT
                    {"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}              | VALUE_STRING
                    {"a":{"dtype":"F32","data_offsets":[0,8]}}                            | Negative dimension
                    {"a":{"shape":[2],"data_offsets":[0,8]}}                              | type ""
                    {"a":{"dtype":null,"shape":[2],"data_offsets":[0,8]}}                 | VALUE_NULL
                    {"a":{"dtype":"F32","scale":[1],"shape":[2],"data_offsets":[0,8]}}         | unknown field "scale"
                    {"a":[1]}                                                             | START_ARRAY
                    {"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                 | name of 0 characters
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | "b" starts at byte 4, inside "a"
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}} | Duplicate
                    {"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}  | Duplicate
                    {"__metadata__":{"k":1}}                                              | VALUE_NUMBER_INT
                    {"__metadata__":{"k":{}}}                                             | START_OBJECT
                    {} x                                                                  | Unrecognized token
                    {} {}                                                                 | goes on after
                    {"a                                                                   | not the JSON expected
                    """)
    void damagedHeadersAreRefused(String header, String message) throws IOException {
        assertRefused(write(header, new byte[16]), message);
    }

    @Test
    void headerLengthsOutsideTheFileAreRefused() throws IOException {
        for (long length : new long[] {-1, 0, 1, 3, Long.MAX_VALUE, Long.MIN_VALUE}) {
            assertRefused(write(length, "{}", new byte[0]), "safetensors header has a length of " + length);
        }
    }

    @Test
    void deepNestingIsRefused() throws IOException {
        assertRefused(write("{\"a\":{\"x\":" + "[".repeat(100_000), new byte[0]), "unknown field \"x\"");
        assertRefused(write("[".repeat(100_000), new byte[0]), "no known checkpoint format");
        assertRefused(write("{\"a\":{\"shape\":" + "[".repeat(100_000), new byte[0]), "holds START_ARRAY");
    }

    @Test
    void tooManyTensorsAreRefused() throws IOException {
        StringBuilder header = new StringBuilder("{");
        for (int i = 0; i <= TensorTable.MAX_TENSORS; i++) {
            header.append(i == 0 ? "" : ",")
                    .append('"')
                    .append(i)
                    .append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
        }
        assertRefused(write(header + "}", new byte[0]), "more than 65536 tensors");
    }

    @Test
    void namesCannotForgeLogLines() throws IOException {
        assertRefused(
                write("{\"a\\n\\u001b[31m\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", new byte[4]),
                "tensor \"a??[31m\"");
    }

    private Path write(String header, byte[] data) throws IOException {
        return write(header.getBytes(StandardCharsets.UTF_8).length, header, data);
    }

    private Path write(long length, String header, byte[] data) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array());
        out.writeBytes(header.getBytes(StandardCharsets.UTF_8));
        out.writeBytes(data);
        return Files.write(folder.resolve("model.safetensors"), out.toByteArray());
    }
}
