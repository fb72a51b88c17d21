package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.PANEL;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Interleaves 16 rows of a tensor at a time into a panel; one packer for each worker. */
final class PanelPacker {
    private static final ValueLayout.OfShort LITTLE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Tensor tensor;
    private final boolean transposed;
    private final CpuMatrix matrix;
    private final int padded;
    private final short[] halves;
    private final float[] row;
    private final short[] panelHalves;
    private final float[] panelFloats;
    private final byte[] panelBytes;
    private final byte[] integers = new byte[BLOCK];

    PanelPacker(Tensor tensor, boolean transposed, CpuMatrix matrix) {
        this.tensor = tensor;
        this.transposed = transposed;
        this.matrix = matrix;
        this.padded = matrix.blocks() * BLOCK;
        boolean sixteen = matrix.type() == CpuMatrix.Type.F16 || matrix.type() == CpuMatrix.Type.BF16;
        this.halves = new short[sixteen ? padded : 0];
        this.panelHalves = new short[sixteen ? padded * PANEL : 0];
        this.row = new float[sixteen ? 0 : padded];
        this.panelFloats = new float[matrix.type() == CpuMatrix.Type.F32 ? padded * PANEL : 0];
        this.panelBytes = new byte[matrix.type().eightBits() ? Math.toIntExact(matrix.panelBytes()) : 0];
    }

    void pack(int panel) {
        int first = panel * PANEL;
        int present = Math.clamp(matrix.rows() - first, 0, PANEL);
        MemorySegment target = matrix.data().asSlice(matrix.panelOffset(panel), matrix.panelBytes());
        switch (matrix.type()) {
            case F16, BF16 -> packHalves(first, present, target);
            case F32 -> packFloats(first, present, target);
            case Q8, Q8_BY_FOUR -> packBytes(first, present, target);
        }
    }

    private void packHalves(int first, int present, MemorySegment target) {
        Arrays.fill(panelHalves, (short) 0);
        int exponent = matrix.type() == CpuMatrix.Type.F16 ? 0x7c00 : 0x7f80;
        for (int lane = 0; lane < present; lane++) {
            readHalves(first + lane);
            boolean finite = true;
            for (int k = 0; k < matrix.columns(); k++) {
                finite &= (halves[k] & exponent) != exponent;
                panelHalves[k * PANEL + lane] = halves[k];
            }
            requireFinite(finite, first + lane);
        }
        MemorySegment.copy(panelHalves, 0, target, ValueLayout.JAVA_SHORT_UNALIGNED, 0, panelHalves.length);
    }

    private void packFloats(int first, int present, MemorySegment target) {
        Arrays.fill(panelFloats, 0);
        for (int lane = 0; lane < present; lane++) {
            readFloats(first + lane);
            for (int k = 0; k < matrix.columns(); k++) {
                panelFloats[k * PANEL + lane] = row[k];
            }
        }
        MemorySegment.copy(panelFloats, 0, target, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, panelFloats.length);
    }

    private void packBytes(int first, int present, MemorySegment target) {
        Arrays.fill(panelBytes, (byte) 0);
        boolean asTheyAre = tensor.dtype().isScaledIntegers() && !transposed;
        for (int lane = 0; lane < present; lane++) {
            if (!asTheyAre) {
                readFloats(first + lane);
            }
            for (int block = 0; block < matrix.blocks(); block++) {
                if (asTheyAre) {
                    repack(block, lane, first + lane);
                } else {
                    quantize(block, lane, first + lane);
                }
            }
        }
        MemorySegment.copy(panelBytes, 0, target, ValueLayout.JAVA_BYTE, 0, panelBytes.length);
    }

    private void quantize(int block, int lane, int rowNumber) {
        float max = 0;
        for (int k = block * BLOCK; k < (block + 1) * BLOCK; k++) {
            max = Math.max(max, Math.abs(row[k]));
        }
        short half = Float.floatToFloat16(max / 127);
        float scale = Float.float16ToFloat(half);
        if (Float.isInfinite(scale)) {
            throw new CheckpointException(
                    "%s has %s in row %d, too large for 8-bit blocks: open it without quantisation"
                            .formatted(tensor.name(), max, rowNumber));
        }
        int start = putScale(block, lane, half);
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int k = 0; k < BLOCK; k++) {
            float q = row[block * BLOCK + k] * inverse + ScalarKernels.ROUND - ScalarKernels.ROUND;
            put(start, k, lane, (int) Math.max(-127, Math.min(127, q)));
        }
    }

    /** Takes over a block that the file has as a scale and integers: no number changes. */
    private void repack(int block, int lane, int rowNumber) {
        long stored = (long) rowNumber * matrix.blocks() + block;
        short half = tensor.blockScale(stored);
        requireFinite((half & 0x7c00) != 0x7c00, rowNumber);
        tensor.blockIntegers(stored, integers);
        int start = putScale(block, lane, half);
        for (int k = 0; k < BLOCK; k++) {
            put(start, k, lane, integers[k]);
        }
    }

    /** Returns where the block's integers begin. */
    private int putScale(int block, int lane, short half) {
        int start = block * CpuMatrix.Q8_BLOCK;
        // Little-endian, as native code and the Vector API read it on every machine that runs them.
        panelBytes[start + 2 * lane] = (byte) half;
        panelBytes[start + 2 * lane + 1] = (byte) (half >> 8);
        return start + CpuMatrix.Q8_SCALES;
    }

    private void put(int start, int column, int lane, int weight) {
        if (matrix.type() == CpuMatrix.Type.Q8) {
            panelBytes[start + column * PANEL + lane] = (byte) weight;
        } else {
            panelBytes[start + (column / 4 * PANEL + lane) * 4 + column % 4] = (byte) (weight + 128);
        }
    }

    private void readHalves(int rowNumber) {
        int columns = matrix.columns();
        if (transposed) {
            for (int k = 0; k < columns; k++) {
                halves[k] = tensor.data().get(LITTLE_SHORT, 2 * ((long) k * matrix.rows() + rowNumber));
            }
        } else {
            MemorySegment.copy(tensor.data(), LITTLE_SHORT, 2L * rowNumber * columns, halves, 0, columns);
        }
    }

    private void readFloats(int rowNumber) {
        int columns = matrix.columns();
        if (transposed) {
            for (int k = 0; k < columns; k++) {
                row[k] = tensor.get((long) k * matrix.rows() + rowNumber);
            }
        } else {
            tensor.read((long) rowNumber * columns, columns, row);
        }
        boolean finite = true;
        for (int k = 0; k < columns; k++) {
            finite &= Math.abs(row[k]) <= Float.MAX_VALUE;
        }
        requireFinite(finite, rowNumber);
    }

    private void requireFinite(boolean finite, int rowNumber) {
        if (!finite) {
            throw new CheckpointException("%s has an infinite or undefined number in row %d: the file is damaged"
                    .formatted(tensor.name(), rowNumber));
        }
    }

    /** The packed type that keeps a tensor's own precision. */
    static CpuMatrix.Type typeOf(DType dtype) {
        return switch (dtype) {
            case F16 -> CpuMatrix.Type.F16;
            case BF16 -> CpuMatrix.Type.BF16;
            default -> CpuMatrix.Type.F32;
        };
    }
}
