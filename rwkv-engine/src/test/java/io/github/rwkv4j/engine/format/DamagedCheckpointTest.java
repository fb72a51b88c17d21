package io.github.rwkv4j.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A damaged file opens with tensors inside it or is refused with a message that names it; nothing else happens. */
class DamagedCheckpointTest {
    private static final int TRUNCATIONS = 300;
    private static final int FLIPS = 600;
    private static final int STRUCTURE = 16 << 10;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "golden/v7/model.safetensors",
                "golden/v7-pth-bf16/model.pth",
                "golden/v7-pth-fp16/model.pth",
                "golden/v7-pth-fp32/model.pth",
                "torch/zip.pth",
                "torch/zip-protocol4.pth",
                "torch/legacy.pth",
                "golden/v7-gguf/model-q8_0.gguf",
                "golden/v6-gguf/model-f16.gguf"
            })
    void flippedBitsAndMissingEndsAreSurvived(String name) throws IOException {
        Path file = Files.copy(CheckpointTest.resource(name), folder.resolve("damaged"));
        Random random = new Random(7);
        int refused = 0;
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            for (int i = 0; i < FLIPS; i++) {
                long at = position(random, bytes.length());
                int original = read(bytes, at);
                write(bytes, at, random.nextBoolean() ? original ^ 1 << random.nextInt(8) : random.nextInt(256));
                refused += opens(file) ? 0 : 1;
                write(bytes, at, original);
            }
            assertThat(refused).as("refused flips").isBetween(FLIPS / 20, FLIPS - 1);
            assertThat(opens(file)).as("restored file opens").isTrue();
            long length = bytes.length();
            for (int i = 0; i < TRUNCATIONS; i++) {
                length = i < 50 ? length - 1 : length * 95 / 100;
                bytes.setLength(length);
                assertThat(opens(file)).as("opens with %d bytes", length).isFalse();
            }
        }
    }

    /** Half of all damage hits the ends of the file, where its structure is. */
    private static long position(Random random, long length) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong(Math.min(STRUCTURE, length));
            case 1 -> length - 1 - random.nextLong(Math.min(STRUCTURE, length));
            default -> random.nextLong(length);
        };
    }

    private static boolean opens(Path file) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            for (Tensor tensor : checkpoint.tensors().values()) {
                long size = tensor.data().byteSize();
                assertThat(size).isEqualTo(tensor.dtype().bytes(tensor.elements()));
                // What is decoded for transposing takes up to eight times as much.
                assertThat(size).isLessThanOrEqualTo(8 * Files.size(file));
                if (size > 0) {
                    assertThat(tensor.data().asSlice(size - 1).toArray(ValueLayout.JAVA_BYTE))
                            .hasSize(1);
                }
            }
            return true;
        } catch (RwkvException e) {
            assertThat(e).hasMessageStartingWith(file + ": ");
            return false;
        }
    }

    private static int read(RandomAccessFile bytes, long at) throws IOException {
        bytes.seek(at);
        return bytes.read();
    }

    private static void write(RandomAccessFile bytes, long at, int value) throws IOException {
        bytes.seek(at);
        bytes.write(value);
    }
}
