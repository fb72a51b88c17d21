package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Rows of float32 outside the heap, each padded to whole blocks of 32 numbers or one more; the padding's content is undefined. */
final class CpuBuffer implements Buffer {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Numbers in a quantisation block; rows are padded to a multiple of it. */
    static final int BLOCK = 32;

    /** Rows at a distance of a multiple of this would compete for the same few lines of a cache. */
    private static final int SAME_SET = 512;

    /** Rows that {@link #pack} interleaves. */
    static final int PACKED_ROWS = 6;

    private final int rows;
    private final int width;
    private final int padded;
    private final int stride;
    private final Arena arena;
    private final MemorySegment data;
    private @Nullable MemorySegment eightBits;
    private float @Nullable [] quants;
    private float @Nullable [] scales;
    private float @Nullable [] packedValues;
    private float @Nullable [] packedQuants;

    CpuBuffer(Arena arena, int rows, int width) {
        this.arena = arena;
        this.rows = rows;
        this.width = width;
        this.padded = Math.multiplyExact(Math.ceilDiv(width, BLOCK), BLOCK);
        this.stride = padded % SAME_SET == 0 ? padded + BLOCK : padded;
        this.data = arena.allocate(4L * rows * stride, 64);
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int width() {
        return width;
    }

    /** Numbers from one row to the next. */
    int stride() {
        return stride;
    }

    MemorySegment data() {
        return data;
    }

    /** Where a row begins, in bytes. */
    long offset(int row) {
        return 4L * row * stride;
    }

    /** Where a row begins in memory. */
    long address(int row) {
        return data.address() + offset(row);
    }

    float get(int row, int column) {
        return data.get(FLOAT, offset(row) + 4L * column);
    }

    void set(int row, int column, float value) {
        data.set(FLOAT, offset(row) + 4L * column, value);
    }

    /**
     * Room for the rows in 8 bits, as native kernels read them: [rows][stride] bytes, then for each block of 32 its float32
     * scale, then for each block an int32. Made at the first call.
     */
    MemorySegment eightBits() {
        MemorySegment present = eightBits;
        if (present == null) {
            present = arena.allocate((long) rows * stride + 8L * rows * stride / BLOCK, 64);
            eightBits = present;
        }
        return present;
    }

    /**
     * The rows as 8-bit integers, each held in a float32 because the kernels multiply in float32: [rows][stride], zero in
     * the padding. Room for it is made at the first call.
     */
    float[] quants() {
        float[] present = quants;
        if (present == null) {
            present = new float[rows * stride];
            quants = present;
        }
        return present;
    }

    /** One scale for each block of 32 quants: [rows][stride / 32]. */
    float[] scales() {
        float[] present = scales;
        if (present == null) {
            present = new float[rows * stride / BLOCK];
            scales = present;
        }
        return present;
    }

    /**
     * Rows in groups of six for {@link JavaKernels#multiplyTile}: [columns][6] values, or [columns][6] quants followed by
     * [blocks][6] scales. Room for it is made at the first call.
     */
    float[] packed(boolean quantised) {
        float[] present = quantised ? packedQuants : packedValues;
        if (present == null) {
            present = new float[Math.ceilDiv(rows, PACKED_ROWS) * packedTile(quantised)];
            if (quantised) {
                packedQuants = present;
            } else {
                packedValues = present;
            }
        }
        return present;
    }

    /** How many numbers a group of six rows takes. */
    int packedTile(boolean quantised) {
        return PACKED_ROWS * (quantised ? padded + padded / BLOCK : padded);
    }

    /** Packs rows {@code first}, a multiple of six, to {@code last - 1}; the last one stands in for missing rows. */
    void pack(boolean quantised, int first, int last) {
        float[] target = packed(quantised);
        int to = first / PACKED_ROWS * packedTile(quantised);
        if (quantised) {
            interleave(quants(), first, last, stride, padded, target, to);
            interleave(scales(), first, last, stride / BLOCK, padded / BLOCK, target, to + PACKED_ROWS * padded);
        } else {
            interleave(first, last, target, to);
        }
    }

    private static void interleave(
            float[] source, int first, int last, int distance, int count, float[] target, int to) {
        int r0 = first * distance;
        int r1 = Math.min(first + 1, last - 1) * distance;
        int r2 = Math.min(first + 2, last - 1) * distance;
        int r3 = Math.min(first + 3, last - 1) * distance;
        int r4 = Math.min(first + 4, last - 1) * distance;
        int r5 = Math.min(first + 5, last - 1) * distance;
        for (int k = 0; k < count; k++) {
            int at = to + PACKED_ROWS * k;
            target[at] = source[r0 + k];
            target[at + 1] = source[r1 + k];
            target[at + 2] = source[r2 + k];
            target[at + 3] = source[r3 + k];
            target[at + 4] = source[r4 + k];
            target[at + 5] = source[r5 + k];
        }
    }

    private void interleave(int first, int last, float[] target, int to) {
        MemorySegment r0 = row(first);
        MemorySegment r1 = row(Math.min(first + 1, last - 1));
        MemorySegment r2 = row(Math.min(first + 2, last - 1));
        MemorySegment r3 = row(Math.min(first + 3, last - 1));
        MemorySegment r4 = row(Math.min(first + 4, last - 1));
        MemorySegment r5 = row(Math.min(first + 5, last - 1));
        for (int k = 0; k < padded; k++) {
            int at = to + PACKED_ROWS * k;
            target[at] = r0.get(FLOAT, 4L * k);
            target[at + 1] = r1.get(FLOAT, 4L * k);
            target[at + 2] = r2.get(FLOAT, 4L * k);
            target[at + 3] = r3.get(FLOAT, 4L * k);
            target[at + 4] = r4.get(FLOAT, 4L * k);
            target[at + 5] = r5.get(FLOAT, 4L * k);
        }
    }

    private MemorySegment row(int row) {
        return data.asSlice(offset(row), 4L * stride);
    }
}
