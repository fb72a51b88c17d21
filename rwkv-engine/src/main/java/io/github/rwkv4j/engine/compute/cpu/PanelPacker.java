package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.PANEL;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Interleaves 16 rows of a tensor at a time into a panel; one packer for each worker. */
final class PanelPacker {
    private static final ValueLayout.OfShort LITTLE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    // Little-endian, as native code and the Vector API read it on every machine that runs them.
    private static final VarHandle HALF = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN)
            .withInvokeExactBehavior();
    private static final VarHandle FOUR = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN)
            .withInvokeExactBehavior();

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
        this.panelBytes = new byte[matrix.type().quantised() ? Math.toIntExact(matrix.panelBytes()) : 0];
    }

    void pack(int panel) {
        int first = panel * PANEL;
        int present = Math.clamp(matrix.rows() - first, 0, PANEL);
        MemorySegment target = matrix.data().asSlice(matrix.panelOffset(panel), matrix.panelBytes());
        switch (matrix.type()) {
            case F16, BF16 -> packHalves(first, present, target);
            case F32 -> packFloats(first, present, target);
            case Q8, Q8_BY_FOUR, Q4, Q4_BY_FOUR -> packIntegers(first, present, target);
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

    private void packIntegers(int first, int present, MemorySegment target) {
        Arrays.fill(panelBytes, (byte) 0);
        DType stored = tensor.dtype();
        boolean fits = matrix.type().fourBits() ? stored == DType.Q4_0 : stored.isScaledIntegers();
        boolean asTheyAre = fits && !transposed;
        for (int lane = 0; lane < present; lane++) {
            if (!asTheyAre) {
                readFloats(first + lane);
            }
            for (int block = 0; block < matrix.blocks(); block++) {
                put(block, lane, asTheyAre ? take(block, first + lane) : quantize(block, first + lane));
            }
        }
        MemorySegment.copy(panelBytes, 0, target, ValueLayout.JAVA_BYTE, 0, panelBytes.length);
    }

    /** Takes over a block that the file has as a scale and integers: no number changes. Returns its scale. */
    private short take(int block, int rowNumber) {
        long stored = (long) rowNumber * matrix.blocks() + block;
        short half = tensor.blockScale(stored);
        requireFinite((half & 0x7c00) != 0x7c00, rowNumber);
        tensor.blockIntegers(stored, integers);
        return half;
    }

    /** Rounds a block to integers and returns their scale. */
    private short quantize(int block, int rowNumber) {
        int from = block * BLOCK;
        float scale = matrix.type().fourBits()
                ? BlockScale.ofFourBits(row, from)
                : BlockScale.largest(row, from) / BlockScale.MOST_OF_EIGHT_BITS;
        short half = Float.floatToFloat16(scale);
        scale = Float.float16ToFloat(half);
        if (Float.isInfinite(scale)) {
            throw new CheckpointException(
                    "%s has %s in row %d, too large for quantised blocks: open it without quantisation"
                            .formatted(tensor.name(), BlockScale.largest(row, from), rowNumber));
        }
        int least = matrix.type().fourBits() ? -8 : -BlockScale.MOST_OF_EIGHT_BITS;
        int most = matrix.type().fourBits() ? 7 : BlockScale.MOST_OF_EIGHT_BITS;
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int k = 0; k < BLOCK; k++) {
            float q = row[from + k] * inverse + ScalarKernels.ROUND - ScalarKernels.ROUND;
            integers[k] = (byte) Math.max(least, Math.min(most, q));
        }
        return half;
    }

    /** Puts a scale and {@link #integers} into their places. */
    private void put(int block, int lane, short scale) {
        int start = block * matrix.type().blockBytes;
        HALF.set(panelBytes, start + 2 * lane, scale);
        start += CpuMatrix.SCALES;
        switch (matrix.type()) {
            case Q8 -> {
                for (int k = 0; k < BLOCK; k++) {
                    panelBytes[start + k * PANEL + lane] = integers[k];
                }
            }
            case Q8_BY_FOUR -> {
                for (int k = 0; k < BLOCK; k += 4) {
                    int four = (int) FOUR.get(integers, k);
                    FOUR.set(panelBytes, start + k * PANEL + 4 * lane, four ^ 0x80808080);
                }
            }
            case Q4 -> {
                for (int k = 0; k < CpuMatrix.HALF; k++) {
                    int both = integers[k] & 15 | integers[k + CpuMatrix.HALF] << 4;
                    panelBytes[start + k * PANEL + lane] = (byte) both;
                }
            }
            case Q4_BY_FOUR -> {
                for (int k = 0; k < CpuMatrix.HALF; k += 4) {
                    int low = plusEight((int) FOUR.get(integers, k));
                    int high = plusEight((int) FOUR.get(integers, k + CpuMatrix.HALF));
                    FOUR.set(panelBytes, start + k * PANEL + 4 * lane, low | high << 4);
                }
            }
            default -> throw new IllegalStateException(matrix.type() + " is not quantised");
        }
    }

    /** Adds 8 to four integers from −8 to 7 in bytes. */
    private static int plusEight(int four) {
        return (four ^ 0x08080808) & 0x0f0f0f0f;
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
