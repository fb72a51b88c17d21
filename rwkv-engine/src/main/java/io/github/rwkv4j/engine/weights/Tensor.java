package io.github.rwkv4j.engine.weights;

import io.github.rwkv4j.engine.errors.CheckpointException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A named, contiguous, row-major tensor of little-endian elements. Rows of a quantised type are whole blocks.
 *
 * @param name official parameter name, such as {@code blocks.0.att.key.weight}
 * @param dtype element type
 * @param shape dimensions, outermost first; empty for a scalar
 * @param data exactly {@code dtype.bytes(elements())} bytes, usually inside a mapped file
 */
public record Tensor(String name, DType dtype, long[] shape, MemorySegment data) {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    public Tensor {
        long row = shape.length == 0 ? 1 : shape[shape.length - 1];
        if (row % dtype.blockSize() != 0) {
            throw new CheckpointException("Tensor %s of shape %s has rows that are no whole blocks of type %s"
                    .formatted(name, Arrays.toString(shape), dtype));
        }
        if (data.byteSize() != dtype.bytes(elements(shape))) {
            throw new CheckpointException("Tensor %s of shape %s and type %s needs %d bytes but has %d"
                    .formatted(name, Arrays.toString(shape), dtype, dtype.bytes(elements(shape)), data.byteSize()));
        }
    }

    /** Number of elements. */
    public long elements() {
        return elements(shape);
    }

    /** The shape without its dimensions of size 1; files disagree about those ([H], [H, 1], [1, 1, C]). */
    public long[] squeezed() {
        return Arrays.stream(shape).filter(n -> n != 1).toArray();
    }

    /** Element {@code index} in row-major order, as float32. */
    public float get(long index) {
        return switch (dtype) {
            case F32 -> data.get(FLOAT, index * 4);
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * 2) << 16);
            case F64 -> (float) data.get(DOUBLE, index * 8);
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K -> {
                float[] one = new float[1];
                readBlocks(index, 1, one);
                yield one[0];
            }
            case I64, I32, I16, I8, U8, BOOL ->
                throw new CheckpointException(
                        "Tensor %s holds %s, but weights are floating-point numbers".formatted(name, dtype));
        };
    }

    /** Elements {@code from} to {@code from + count - 1} in row-major order, as float32. */
    public void read(long from, int count, float[] out) {
        if (dtype.isQuantized()) {
            readBlocks(from, count, out);
            return;
        }
        MemorySegment slice = data.asSlice(from * dtype.bytes(), (long) count * dtype.bytes());
        switch (dtype) {
            case F32 -> MemorySegment.copy(slice, FLOAT, 0, out, 0, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = Float.float16ToFloat(slice.get(SHORT, 2L * i));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = Float.intBitsToFloat(slice.get(SHORT, 2L * i) << 16);
                }
            }
            default -> {
                for (int i = 0; i < count; i++) {
                    out[i] = get(from + i);
                }
            }
        }
    }

    /** Decodes whole blocks in place, and those that are wanted in part by way of a copy. */
    private void readBlocks(long from, int count, float[] out) {
        int size = dtype.blockSize();
        for (int done = 0; done < count; ) {
            long block = (from + done) / size;
            int skipped = Math.toIntExact((from + done) % size);
            int taken = Math.min(size - skipped, count - done);
            if (taken == size) {
                QuantizedBlocks.decode(dtype, data, block * dtype.bytes(), out, done);
            } else {
                float[] whole = new float[size];
                QuantizedBlocks.decode(dtype, data, block * dtype.bytes(), whole, 0);
                System.arraycopy(whole, skipped, out, done, taken);
            }
            done += taken;
        }
    }

    /**
     * The float16 scale of a block of 32 elements along a row, for a type of {@link DType#isScaledIntegers scaled
     * integers}.
     */
    public short blockScale(long block) {
        return QuantizedBlocks.scale(data, block * dtype.bytes());
    }

    /** The 32 integers of such a block; each times the scale is the value. */
    public void blockIntegers(long block, byte[] out) {
        if (dtype == DType.Q8_0) {
            MemorySegment.copy(data, ValueLayout.JAVA_BYTE, block * dtype.bytes() + 2, out, 0, dtype.blockSize());
            return;
        }
        for (int i = 0; i < dtype.blockSize(); i++) {
            out[i] = (byte) QuantizedBlocks.integer(dtype, data, block * dtype.bytes(), i);
        }
    }

    /** The product of {@code shape}, refused when it does not fit 63 bits. */
    public static long elements(long... shape) {
        long product = 1;
        for (long n : shape) {
            if (n < 0) {
                throw new CheckpointException("Negative dimension in shape " + Arrays.toString(shape));
            }
            try {
                product = Math.multiplyExact(product, n);
            } catch (ArithmeticException e) {
                throw new CheckpointException("Shape " + Arrays.toString(shape) + " is too large", e);
            }
        }
        return product;
    }
}
