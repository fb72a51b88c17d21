package io.github.rwkv4j.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.SnapshotCodec.Encoding;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SnapshotCodecTest {
    private static final float[] NUMBERS = {0, -1.5f, 3.1415927f, 1e-9f, -70000, 1234.567f, Float.MIN_VALUE};

    private final Snapshot snapshot = new Snapshot(
            Entries.hex(32), 123_456_789_012L, OptionalInt.of(65_535), Entries.hex(32), NUMBERS, new byte[] {1, 2, 3});

    @ParameterizedTest
    @EnumSource
    void bringsBackWhatItWasGiven(Encoding encoding) {
        Snapshot back = SnapshotCodec.decode(SnapshotCodec.encode(snapshot, encoding));
        assertThat(back.model()).isEqualTo(snapshot.model());
        assertThat(back.position()).isEqualTo(snapshot.position());
        assertThat(back.unfed()).isEqualTo(snapshot.unfed());
        assertThat(back.history()).isEqualTo(snapshot.history());
        assertThat(back.note()).isEqualTo(snapshot.note());
        if (encoding == Encoding.FP32) {
            assertThat(back.state()).isEqualTo(NUMBERS);
        } else {
            assertThat(back.state()[4]).isEqualTo(-65504);
            for (int i : new int[] {0, 1, 2, 3, 5, 6}) {
                assertThat(back.state()[i]).isCloseTo(NUMBERS[i], within(Math.abs(NUMBERS[i]) / 2048 + 3e-8f));
            }
        }
        Snapshot without =
                new Snapshot(snapshot.model(), 0, OptionalInt.empty(), snapshot.history(), NUMBERS, new byte[0]);
        assertThat(SnapshotCodec.decode(SnapshotCodec.encode(without, encoding)).unfed())
                .isEmpty();
    }

    @Test
    void refusesEveryDamage() {
        byte[] whole = SnapshotCodec.encode(snapshot, Encoding.FP32);
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> SnapshotCodec.decode(damaged)).isInstanceOf(SnapshotException.class);
        }
        for (int length = 0; length < whole.length; length++) {
            byte[] truncated = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> SnapshotCodec.decode(truncated)).isInstanceOf(SnapshotException.class);
        }
    }

    /** With a checksum that is right: whoever made these bytes meant them. */
    @Test
    void refusesHostileBytesWithoutAllocatingForThem() {
        byte[] whole = SnapshotCodec.encode(snapshot, Encoding.FP32);
        Random random = new Random(5);
        int refused = 0;
        for (int trial = 0; trial < 5000; trial++) {
            byte[] hostile = whole.clone();
            hostile[10 + random.nextInt(86)] = (byte) random.nextInt(256);
            try {
                SnapshotCodec.decode(signed(hostile));
            } catch (SnapshotException e) {
                refused++;
            }
        }
        assertThat(refused).isBetween(500, 4500);
        assertRefused("The state has infinite or undefined numbers", whole.length - 8, 0x7fc00000);
        assertRefused("tells of 2147483647 numbers", 92, Integer.MAX_VALUE);
    }

    private void assertRefused(String why, int at, int number) {
        byte[] hostile = SnapshotCodec.encode(snapshot, Encoding.FP32);
        ByteBuffer.wrap(hostile).order(ByteOrder.LITTLE_ENDIAN).putInt(at, number);
        assertThatThrownBy(() -> SnapshotCodec.decode(signed(hostile)))
                .isInstanceOf(SnapshotException.class)
                .message()
                .containsIgnoringCase(why);
    }

    @Test
    void saysWhatItFound() {
        assertThatThrownBy(() -> SnapshotCodec.decode("precious".repeat(20).getBytes(StandardCharsets.US_ASCII)))
                .hasMessage("These 160 bytes are no snapshot of a state");
        byte[] newer = SnapshotCodec.encode(snapshot, Encoding.FP32);
        newer[8] = 2;
        assertThatThrownBy(() -> SnapshotCodec.decode(newer))
                .hasMessage("The snapshot has format 2, but this version of the engine reads format 1");
    }

    /** Made by hand, not only read. */
    @Test
    void refusesASnapshotThatCanNotBe() {
        String hash = Entries.hex(32);
        assertThatThrownBy(() -> new Snapshot("demo", 1, OptionalInt.empty(), hash, NUMBERS, new byte[0]))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("64 hexadecimal digits each, not 'demo'");
        assertThatThrownBy(() -> new Snapshot(hash, 0, OptionalInt.of(5), hash, NUMBERS, new byte[0]))
                .isInstanceOf(SnapshotException.class)
                .hasMessageContaining("position 0 and token 5");
        for (float number : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            assertThatThrownBy(() ->
                            new Snapshot(hash, 1, OptionalInt.empty(), hash, new float[] {1, number}, new byte[0]))
                    .isInstanceOf(SnapshotException.class)
                    .hasMessageContaining("infinite or undefined");
        }
    }

    private static byte[] signed(byte[] bytes) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, 0, bytes.length - 4);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length - 4, (int) checksum.getValue());
        return bytes;
    }
}
