package io.github.rwkv4j.engine.weights;

import io.github.rwkv4j.engine.errors.CheckpointException;

/**
 * Element types that a checkpoint may hold. The quantised ones, named as in GGUF, keep a block of elements along a row
 * together with its scales (spec: formats, section c).
 */
public enum DType {
    F64(1, 8),
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    I64(1, 8),
    I32(1, 4),
    I16(1, 2),
    I8(1, 1),
    U8(1, 1),
    BOOL(1, 1),
    Q4_0(32, 18),
    Q4_1(32, 20),
    Q5_0(32, 22),
    Q5_1(32, 24),
    Q8_0(32, 34),
    Q4_K(256, 144),
    Q5_K(256, 176),
    Q6_K(256, 210);

    private final int blockSize;
    private final int bytes;

    DType(int blockSize, int bytes) {
        this.blockSize = blockSize;
        this.bytes = bytes;
    }

    /** Number of elements in a block; 1 where each element stands alone. */
    public int blockSize() {
        return blockSize;
    }

    /** Size in bytes of one element, or of one block of a quantised type. */
    public int bytes() {
        return bytes;
    }

    /**
     * Size in bytes of {@code elements} elements.
     *
     * @throws CheckpointException if they are no whole number of blocks, or more bytes than fit 63 bits
     */
    public long bytes(long elements) {
        if (elements % blockSize != 0) {
            throw new CheckpointException(
                    "%d elements of type %s are no whole number of blocks of %d".formatted(elements, this, blockSize));
        }
        try {
            return Math.multiplyExact(elements / blockSize, bytes);
        } catch (ArithmeticException e) {
            throw new CheckpointException(
                    "%d elements of type %s are too large: their size overflows".formatted(elements, this), e);
        }
    }

    /** Whether elements come in blocks that share their scales. */
    public boolean isQuantized() {
        return blockSize > 1;
    }

    /** Whether a block is one float16 scale and integers of at most 8 bits, their product being the value. */
    public boolean isScaledIntegers() {
        return this == Q8_0 || this == Q5_0 || this == Q4_0;
    }

    /** Whether the type can hold weights; the integer types occur in side data only. */
    public boolean isFloat() {
        return this == F64 || this == F32 || this == F16 || this == BF16 || isQuantized();
    }
}
