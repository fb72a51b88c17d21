package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Weights W [rows, columns] in panels of {@value #PANEL} rows, interleaved: for each column the panel's 16 weights lie
 * side by side. Columns are padded to whole blocks of 32 and rows to whole pairs of panels, with zeros.
 *
 * <ul>
 *   <li>F32, F16, BF16: per column 16 elements.
 *   <li>Q8: per block of 32 columns 16 float16 scales, then per column 16 signed bytes: 544 bytes a block.
 *   <li>Q8_BY_FOUR: as Q8, but 128 is added to each byte, and the bytes of four columns of a row lie side by side, as
 *       processors with integer dot products want them.
 *   <li>Q4: per block of 32 columns 16 float16 scales, then for columns 0 to 15 of the block 16 bytes each, with the signed
 *       weight in the low half of a byte and that of the column 16 further on in the high half: 288 bytes a block.
 *   <li>Q4_BY_FOUR: as Q4, but 8 is added to each weight, and the bytes of four columns of a row lie side by side.
 * </ul>
 */
final class CpuMatrix implements Matrix {
    /** Rows of a panel. */
    static final int PANEL = 16;

    static final int BLOCK = CpuBuffer.BLOCK;

    /** Bytes of the scales at the beginning of a quantised block. */
    static final int SCALES = 2 * PANEL;

    /** Bytes of whole blocks. */
    static final int Q8_BLOCK = SCALES + BLOCK * PANEL;

    static final int Q4_BLOCK = SCALES + BLOCK * PANEL / 2;

    /** Columns of a block whose weights lie in the low halves of the bytes. */
    static final int HALF = BLOCK / 2;

    /** Element types of a packed matrix. */
    enum Type {
        F32(4 * PANEL * BLOCK),
        F16(2 * PANEL * BLOCK),
        BF16(2 * PANEL * BLOCK),
        Q8(Q8_BLOCK),
        Q8_BY_FOUR(Q8_BLOCK),
        Q4(Q4_BLOCK),
        Q4_BY_FOUR(Q4_BLOCK);

        /** Bytes that a panel takes for 32 columns. */
        final int blockBytes;

        Type(int blockBytes) {
            this.blockBytes = blockBytes;
        }

        /** Whether the weights are integers with a scale for each block. */
        boolean quantised() {
            return ordinal() >= Q8.ordinal();
        }

        boolean fourBits() {
            return this == Q4 || this == Q4_BY_FOUR;
        }
    }

    private final Type type;
    private final int rows;
    private final int columns;
    private final int blocks;
    private final MemorySegment data;

    private CpuMatrix(Type type, int rows, int columns, SegmentAllocator memory) {
        this.type = type;
        this.rows = rows;
        this.columns = columns;
        this.blocks = Math.ceilDiv(columns, BLOCK);
        this.data = memory.allocate(panels() * panelBytes(), 64);
    }

    /**
     * Packs a tensor.
     *
     * @param transposed whether the tensor is [columns, rows]
     * @throws CheckpointException if it holds infinities or NaN, or numbers too large for an 8-bit block's scale
     */
    static CpuMatrix pack(Tensor tensor, boolean transposed, Type type, SegmentAllocator memory, WorkerPool pool) {
        long[] shape = tensor.shape();
        if (shape.length != 2) {
            throw new CheckpointException("%s has shape %s, but a matrix has two dimensions"
                    .formatted(tensor.name(), Arrays.toString(tensor.shape())));
        }
        int rows = Math.toIntExact(shape[transposed ? 1 : 0]);
        int columns = Math.toIntExact(shape[transposed ? 0 : 1]);
        CpuMatrix matrix = new CpuMatrix(type, rows, columns, memory);
        PanelPacker[] packers = new PanelPacker[pool.workers()];
        Arrays.setAll(packers, _ -> new PanelPacker(tensor, transposed, matrix));
        pool.run((panel, worker) -> packers[worker].pack(panel), matrix.panels());
        return matrix;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    Type type() {
        return type;
    }

    MemorySegment data() {
        return data;
    }

    /** Blocks of 32 columns. */
    int blocks() {
        return blocks;
    }

    /** An even number. */
    int panels() {
        return Math.ceilDiv(rows, 2 * PANEL) * 2;
    }

    /** Pairs of panels. */
    int pairs() {
        return panels() / 2;
    }

    long panelBytes() {
        return (long) blocks * type.blockBytes;
    }

    long panelOffset(int panel) {
        return panel * panelBytes();
    }

    /** How many numbers a widened panel has, without its scales. */
    int widenedPanel() {
        return PANEL * BLOCK * blocks;
    }

    /** Where a widened panel's scales begin. */
    int widenedScales(int panel) {
        return 2 * widenedPanel() + panel * PANEL * blocks;
    }

    /** How many numbers two widened panels take, scales included. */
    int widenedSize() {
        return widenedScales(2);
    }

    /** Float16 scale of a row in a block. */
    float scale(int panel, int block, int lane) {
        return Float.float16ToFloat(data.get(
                ValueLayout.JAVA_SHORT_UNALIGNED, panelOffset(panel) + (long) block * type.blockBytes + 2L * lane));
    }

    /** One weight, an integer where the type is quantised. */
    float weight(int panel, int column, int lane) {
        int block = column / BLOCK;
        int inBlock = (column % BLOCK) * PANEL + lane;
        long start = panelOffset(panel) + (long) block * type.blockBytes;
        return switch (type) {
            case F32 -> data.get(ValueLayout.JAVA_FLOAT_UNALIGNED, start + 4L * inBlock);
            case F16 -> Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, start + 2L * inBlock));
            case BF16 -> Float.intBitsToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, start + 2L * inBlock) << 16);
            case Q8 -> data.get(ValueLayout.JAVA_BYTE, start + SCALES + inBlock);
            case Q8_BY_FOUR -> {
                int byFour = (column % BLOCK / 4 * PANEL + lane) * 4 + column % 4;
                yield (data.get(ValueLayout.JAVA_BYTE, start + SCALES + byFour) & 0xff) - 128;
            }
            case Q4 -> (nibble(start + SCALES + column % HALF * PANEL + lane, column) ^ 8) - 8;
            case Q4_BY_FOUR -> nibble(start + SCALES + (column % HALF / 4 * PANEL + lane) * 4 + column % 4, column) - 8;
        };
    }

    private int nibble(long at, int column) {
        return data.get(ValueLayout.JAVA_BYTE, at) >> (column % BLOCK < HALF ? 0 : 4) & 15;
    }
}
