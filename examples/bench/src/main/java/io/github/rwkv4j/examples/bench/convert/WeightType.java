package io.github.rwkv4j.examples.bench.convert;

import java.nio.ByteBuffer;

/**
 * Types that weights are written in. A block of the quantised ones is 32 numbers along a row with one float16 scale (spec:
 * formats, section c).
 */
enum WeightType {
    F32(1, 4) {
        @Override
        void encodeBlock(float[] values, int at, ByteBuffer out) {
            out.putFloat(values[at]);
        }
    },
    F16(1, 2) {
        @Override
        void encodeBlock(float[] values, int at, ByteBuffer out) {
            out.putShort(half(values[at]));
        }
    },
    BF16(1, 2) {
        @Override
        void encodeBlock(float[] values, int at, ByteBuffer out) {
            int bits = Float.floatToRawIntBits(values[at]);
            // To the nearest, and halves to the even one.
            int rounded = (bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16;
            if ((rounded & 0x7F80) == 0x7F80) {
                throw tooLarge(values[at]);
            }
            out.putShort((short) rounded);
        }
    },
    Q8_0(32, 34) {
        @Override
        void encodeBlock(float[] values, int at, ByteBuffer out) {
            float inverse = putScale(Math.abs(largest(values, at, BLOCK)) / 127, out);
            for (int i = 0; i < BLOCK; i++) {
                out.put((byte) Math.clamp(Math.rint(values[at + i] * inverse), -127, 127));
            }
        }
    },
    /** From -8 to 7 times the scale, whose sign is such that the largest number is -8 times it. */
    Q4_0(32, 18) {
        @Override
        void encodeBlock(float[] values, int at, ByteBuffer out) {
            float inverse = putScale(largest(values, at, BLOCK) / -8, out);
            for (int i = 0; i < BLOCK / 2; i++) {
                int low = fourBits(values[at + i] * inverse);
                int high = fourBits(values[at + BLOCK / 2 + i] * inverse);
                out.put((byte) (low | high << 4));
            }
        }
    };

    static final int BLOCK = 32;

    private final int blockSize;
    private final int blockBytes;

    WeightType(int blockSize, int blockBytes) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
    }

    boolean isQuantized() {
        return blockSize > 1;
    }

    long bytes(long elements) {
        return elements / blockSize * blockBytes;
    }

    /**
     * Appends {@code count} numbers, whole blocks.
     *
     * @throws IllegalArgumentException if the type can't hold one of them
     */
    void encode(float[] values, int count, ByteBuffer out) {
        for (int i = 0; i < count; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException("holds an infinite or undefined number: the file is damaged");
            }
        }
        for (int at = 0; at < count; at += blockSize) {
            encodeBlock(values, at, out);
        }
    }

    abstract void encodeBlock(float[] values, int at, ByteBuffer out);

    /** The number that is furthest from zero, with its sign. */
    private static float largest(float[] values, int at, int count) {
        float largest = 0;
        for (int i = at; i < at + count; i++) {
            largest = Math.abs(values[i]) > Math.abs(largest) ? values[i] : largest;
        }
        return largest;
    }

    /** Appends a scale, and returns one over what float16 makes of it. */
    float putScale(float scale, ByteBuffer out) {
        short half = half(scale);
        out.putShort(half);
        float rounded = Float.float16ToFloat(half);
        return rounded == 0 ? 0 : 1 / rounded;
    }

    short half(float value) {
        short half = Float.floatToFloat16(value);
        if ((half & 0x7C00) == 0x7C00) {
            throw tooLarge(value);
        }
        return half;
    }

    private static int fourBits(float q) {
        return (int) Math.clamp(Math.rint(q) + 8, 0, 15);
    }

    IllegalArgumentException tooLarge(float value) {
        return new IllegalArgumentException(
                "holds or needs %s, too large for %s: choose bf16 or f32".formatted(value, this));
    }
}
