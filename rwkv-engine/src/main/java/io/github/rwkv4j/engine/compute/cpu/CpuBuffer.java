package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Rows of float32 outside the heap, each padded to whole blocks of 32 numbers; the padding's content is undefined. */
final class CpuBuffer implements Buffer {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Numbers in a quantisation block; rows are padded to a multiple of it. */
    static final int BLOCK = 32;

    private final int rows;
    private final int width;
    private final int stride;
    private final MemorySegment data;
    private float @Nullable [] quants;
    private float @Nullable [] scales;
    private float @Nullable [] packedValues;
    private float @Nullable [] packedQuants;

    CpuBuffer(Arena arena, int rows, int width) {
        this.rows = rows;
        this.width = width;
        this.stride = Math.multiplyExact(Math.ceilDiv(width, BLOCK), BLOCK);
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

    float get(int row, int column) {
        return data.get(FLOAT, offset(row) + 4L * column);
    }

    void set(int row, int column, float value) {
        data.set(FLOAT, offset(row) + 4L * column, value);
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
     * Rows in groups of six for {@link Kernels#multiplyTile}: [columns][6] values, or [columns][6] quants followed by
     * [blocks][6] scales. Room for it is made at the first call.
     */
    float[] packed(boolean quantised) {
        float[] present = quantised ? packedQuants : packedValues;
        if (present == null) {
            present = new float[Math.ceilDiv(rows, Kernels.TILE_ROWS) * packedTile(quantised)];
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
        return Kernels.TILE_ROWS * (quantised ? stride + stride / BLOCK : stride);
    }

    /** Packs rows {@code first}, a multiple of six, to {@code last - 1}; the last one stands in for missing rows. */
    void pack(boolean quantised, int first, int last) {
        float[] target = packed(quantised);
        int to = first / Kernels.TILE_ROWS * packedTile(quantised);
        if (quantised) {
            interleave(quants(), first, last, stride, target, to);
            interleave(scales(), first, last, stride / BLOCK, target, to + Kernels.TILE_ROWS * stride);
        } else {
            interleave(first, last, target, to);
        }
    }

    private static void interleave(float[] source, int first, int last, int count, float[] target, int to) {
        int r0 = first * count;
        int r1 = Math.min(first + 1, last - 1) * count;
        int r2 = Math.min(first + 2, last - 1) * count;
        int r3 = Math.min(first + 3, last - 1) * count;
        int r4 = Math.min(first + 4, last - 1) * count;
        int r5 = Math.min(first + 5, last - 1) * count;
        for (int k = 0; k < count; k++) {
            int at = to + Kernels.TILE_ROWS * k;
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
        for (int k = 0; k < stride; k++) {
            int at = to + Kernels.TILE_ROWS * k;
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
