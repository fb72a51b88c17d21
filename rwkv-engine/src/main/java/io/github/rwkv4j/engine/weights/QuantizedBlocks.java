package io.github.rwkv4j.engine.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Decodes one block of a quantised type (spec: formats, section c); {@code at} is where the block begins, in bytes. */
final class QuantizedBlocks {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Of a block of 32 elements with one scale each. */
    private static final int SMALL = 32;

    private QuantizedBlocks() {}

    /** Writes the block's values to {@code out} from {@code to} on. */
    static void decode(DType type, MemorySegment data, long at, float[] out, int to) {
        switch (type) {
            case Q4_0, Q5_0, Q8_0 -> scaled(type, data, at, out, to);
            case Q4_1 -> shifted(data, at, 4, 0, out, to);
            case Q5_1 -> shifted(data, at, 8, data.get(INT, at + 4), out, to);
            case Q4_K -> decode4K(data, at, out, to);
            case Q5_K -> decode5K(data, at, out, to);
            case Q6_K -> decode6K(data, at, out, to);
            default -> throw new IllegalArgumentException(type + " has no blocks");
        }
    }

    /** The float16 scale of a block of {@link DType#isScaledIntegers scaled integers}. */
    static short scale(MemorySegment data, long at) {
        return data.get(SHORT, at);
    }

    /** The integer {@code i} of a block of {@link DType#isScaledIntegers scaled integers}. */
    static int integer(DType type, MemorySegment data, long at, int i) {
        return switch (type) {
            case Q8_0 -> data.get(ValueLayout.JAVA_BYTE, at + 2 + i);
            case Q4_0 -> nibble(data, at + 2, i) - 8;
            case Q5_0 -> (nibble(data, at + 6, i) | fifthBit(data.get(INT, at + 2), i)) - 16;
            default -> throw new IllegalArgumentException(type + " has no scaled integers");
        };
    }

    private static void scaled(DType type, MemorySegment data, long at, float[] out, int to) {
        float scale = Float.float16ToFloat(scale(data, at));
        for (int i = 0; i < SMALL; i++) {
            out[to + i] = scale * integer(type, data, at, i);
        }
    }

    /** Q4_1 and Q5_1: x = d q + m, the nibbles {@code nibbles} bytes from the block's begin. */
    private static void shifted(MemorySegment data, long at, int nibbles, int fifthBits, float[] out, int to) {
        float d = half(data, at);
        float m = half(data, at + 2);
        for (int i = 0; i < SMALL; i++) {
            out[to + i] = d * (nibble(data, at + nibbles, i) | fifthBit(fifthBits, i)) + m;
        }
    }

    private static void decode4K(MemorySegment data, long at, float[] out, int to) {
        for (int b = 0; b < 8; b++) {
            float d = half(data, at) * scaleK(data, at + 4, b);
            float m = half(data, at + 2) * minimumK(data, at + 4, b);
            for (int l = 0; l < SMALL; l++) {
                int q = unsigned(data, at + 16 + b / 2 * SMALL + l) >> 4 * (b % 2) & 15;
                out[to + b * SMALL + l] = d * q - m;
            }
        }
    }

    private static void decode5K(MemorySegment data, long at, float[] out, int to) {
        for (int b = 0; b < 8; b++) {
            float d = half(data, at) * scaleK(data, at + 4, b);
            float m = half(data, at + 2) * minimumK(data, at + 4, b);
            for (int l = 0; l < SMALL; l++) {
                int low = unsigned(data, at + 48 + b / 2 * SMALL + l) >> 4 * (b % 2) & 15;
                int high = unsigned(data, at + 16 + l) >> b & 1;
                out[to + b * SMALL + l] = d * (low | high << 4) - m;
            }
        }
    }

    private static void decode6K(MemorySegment data, long at, float[] out, int to) {
        float d = half(data, at + 208);
        for (int e = 0; e < 256; e++) {
            int inHalf = e % 128;
            int quarter = inHalf / SMALL;
            int l = inHalf % SMALL;
            long low = at + e / 128 * 64 + l + quarter % 2 * SMALL;
            long high = at + 128 + e / 128 * SMALL + l;
            int q = unsigned(data, low) >> quarter / 2 * 4 & 15 | (unsigned(data, high) >> 2 * quarter & 3) << 4;
            out[to + e] = d * data.get(ValueLayout.JAVA_BYTE, at + 192 + e / 16) * (q - 32);
        }
    }

    /** Six-bit scale of sub-block {@code b}, of eight that lie in 12 bytes with their minima. */
    private static int scaleK(MemorySegment data, long s, int b) {
        return b < 4
                ? unsigned(data, s + b) & 63
                : unsigned(data, s + b + 4) & 15 | unsigned(data, s + b - 4) >> 6 << 4;
    }

    private static int minimumK(MemorySegment data, long s, int b) {
        return b < 4
                ? unsigned(data, s + b + 4) & 63
                : unsigned(data, s + b + 4) >> 4 | unsigned(data, s + b) >> 6 << 4;
    }

    /** Element {@code i} of 32: the low nibbles of 16 bytes, then their high ones. */
    private static int nibble(MemorySegment data, long at, int i) {
        return unsigned(data, at + i % 16) >> i / 16 * 4 & 15;
    }

    private static int fifthBit(int bits, int i) {
        return (bits >>> i & 1) << 4;
    }

    private static int unsigned(MemorySegment data, long at) {
        return Byte.toUnsignedInt(data.get(ValueLayout.JAVA_BYTE, at));
    }

    private static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(SHORT, at));
    }
}
