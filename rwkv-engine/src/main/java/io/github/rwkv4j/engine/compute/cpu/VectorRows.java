package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.HALF;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.PANEL;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.Q4_BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.Q8_BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.SCALES;
import static io.github.rwkv4j.engine.compute.cpu.VectorKernels.F;
import static io.github.rwkv4j.engine.compute.cpu.VectorKernels.I;
import static io.github.rwkv4j.engine.compute.cpu.VectorKernels.LANES;
import static io.github.rwkv4j.engine.compute.cpu.VectorKernels.LITTLE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Packed weights in the Vector API: how each type is read, one row's product, and the widening for many rows. */
final class VectorRows {
    private static final VectorSpecies<Short> S =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Math.max(64, LANES * Short.SIZE)));
    private static final VectorSpecies<Byte> B =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, LANES * Byte.SIZE)));

    private VectorRows() {}

    static FloatVector floats(MemorySegment segment, long offset) {
        return FloatVector.fromMemorySegment(F, segment, offset, LITTLE);
    }

    /** Bytes at {@code offset + lane} widened to float; the shortest byte vector may hold more lanes than needed. */
    private static FloatVector bytes(MemorySegment segment, long offset, int lane) {
        int within = lane % B.length();
        ByteVector vector = ByteVector.fromMemorySegment(B, segment, offset + lane - within, LITTLE);
        return (FloatVector) vector.castShape(F, within / LANES);
    }

    /** As {@link #bytes}, but to int. */
    private static IntVector integers(MemorySegment segment, long offset, int lane) {
        int within = lane % B.length();
        ByteVector vector = ByteVector.fromMemorySegment(B, segment, offset + lane - within, LITTLE);
        return (IntVector) vector.castShape(I, within / LANES);
    }

    /** The signed low halves of bytes that were widened to int. */
    private static FloatVector low(IntVector bytes) {
        return (FloatVector) bytes.lanewise(VectorOperators.LSHL, 28)
                .lanewise(VectorOperators.ASHR, 28)
                .convertShape(VectorOperators.I2F, F, 0);
    }

    private static FloatVector high(IntVector bytes) {
        return (FloatVector) bytes.lanewise(VectorOperators.ASHR, 4).convertShape(VectorOperators.I2F, F, 0);
    }

    private static IntVector shorts(MemorySegment segment, long offset, int lane) {
        return (IntVector) ShortVector.fromMemorySegment(S, segment, offset + 2L * lane, LITTLE)
                .castShape(I, 0);
    }

    /** Finite float16 to float32: shift exponent and fraction into place, correct the bias by an exact product. */
    static FloatVector half(MemorySegment segment, long offset, int lane) {
        IntVector bits = shorts(segment, offset, lane);
        FloatVector magnitude = bits.and(0x7fff)
                .lanewise(VectorOperators.LSHL, 13)
                .reinterpretAsFloats()
                .mul(0x1p112f);
        return magnitude.reinterpretAsInts().or(bits.and(0x80000000)).reinterpretAsFloats();
    }

    private static FloatVector bfloat(MemorySegment segment, long offset, int lane) {
        return shorts(segment, offset, lane).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** One row times a vector of outputs of two panels, from {@code lane} of each on. */
    static void multiply(CpuMatrix matrix, int panel, int lane, CpuBuffer in, int row, float[] tile) {
        MemorySegment x = in.data();
        MemorySegment weights = matrix.data();
        long xStart = in.offset(row);
        long first = matrix.panelOffset(panel);
        long second = matrix.panelOffset(panel + 1);
        int columns = matrix.columns();
        switch (matrix.type()) {
            case F32 -> rowF32(weights, first, second, lane, x, xStart, columns, tile);
            case F16 -> rowF16(weights, first, second, lane, x, xStart, columns, tile);
            case BF16 -> rowBF16(weights, first, second, lane, x, xStart, columns, tile);
            case Q8 -> {
                rowQ8(weights.asSlice(first, matrix.panelBytes()), lane, in, row, matrix.blocks(), tile, lane);
                rowQ8(weights.asSlice(second, matrix.panelBytes()), lane, in, row, matrix.blocks(), tile, PANEL + lane);
            }
            case Q4 -> {
                rowQ4(weights.asSlice(first, matrix.panelBytes()), lane, in, row, matrix.blocks(), tile, lane);
                rowQ4(weights.asSlice(second, matrix.panelBytes()), lane, in, row, matrix.blocks(), tile, PANEL + lane);
            }
            case Q8_BY_FOUR, Q4_BY_FOUR -> throw foreign(matrix);
        }
    }

    private static IllegalArgumentException foreign(CpuMatrix matrix) {
        return new IllegalArgumentException(matrix.type() + " is not packed for these kernels");
    }

    private static void rowF32(
            MemorySegment w, long first, long second, int lane, MemorySegment x, long xStart, int n, float[] tile) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector xk = FloatVector.broadcast(F, x.get(FLOAT, xStart + 4L * k));
            long at = 4L * PANEL * k + 4L * lane;
            a = floats(w, first + at).fma(xk, a);
            b = floats(w, second + at).fma(xk, b);
        }
        a.intoArray(tile, lane);
        b.intoArray(tile, PANEL + lane);
    }

    private static void rowF16(
            MemorySegment w, long first, long second, int lane, MemorySegment x, long xStart, int n, float[] tile) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector xk = FloatVector.broadcast(F, x.get(FLOAT, xStart + 4L * k));
            a = half(w, first + 2L * PANEL * k, lane).fma(xk, a);
            b = half(w, second + 2L * PANEL * k, lane).fma(xk, b);
        }
        a.intoArray(tile, lane);
        b.intoArray(tile, PANEL + lane);
    }

    private static void rowBF16(
            MemorySegment w, long first, long second, int lane, MemorySegment x, long xStart, int n, float[] tile) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        for (int k = 0; k < n; k++) {
            FloatVector xk = FloatVector.broadcast(F, x.get(FLOAT, xStart + 4L * k));
            a = bfloat(w, first + 2L * PANEL * k, lane).fma(xk, a);
            b = bfloat(w, second + 2L * PANEL * k, lane).fma(xk, b);
        }
        a.intoArray(tile, lane);
        b.intoArray(tile, PANEL + lane);
    }

    private static void rowQ8(
            MemorySegment panel, int lane, CpuBuffer in, int row, int blocks, float[] tile, int target) {
        float[] x = in.quants();
        float[] scales = in.scales();
        int xStart = row * in.stride();
        int scaleStart = xStart / BLOCK;
        FloatVector sum = FloatVector.zero(F);
        for (int block = 0; block < blocks; block++) {
            int at = block * Q8_BLOCK;
            int xk = xStart + BLOCK * block;
            FloatVector a = FloatVector.zero(F);
            FloatVector b = FloatVector.zero(F);
            FloatVector c = FloatVector.zero(F);
            FloatVector d = FloatVector.zero(F);
            for (int k = 0; k < BLOCK; k += 4) {
                // Before the first load that checks its range: so each becomes one instruction.
                FloatVector x0 = FloatVector.broadcast(F, x[xk + k]);
                FloatVector x1 = FloatVector.broadcast(F, x[xk + k + 1]);
                FloatVector x2 = FloatVector.broadcast(F, x[xk + k + 2]);
                FloatVector x3 = FloatVector.broadcast(F, x[xk + k + 3]);
                int wk = at + SCALES + PANEL * k;
                a = bytes(panel, wk, lane).fma(x0, a);
                b = bytes(panel, wk + PANEL, lane).fma(x1, b);
                c = bytes(panel, wk + 2 * PANEL, lane).fma(x2, c);
                d = bytes(panel, wk + 3 * PANEL, lane).fma(x3, d);
            }
            FloatVector scale = half(panel, at, lane).mul(scales[scaleStart + block]);
            sum = a.add(b).add(c.add(d)).fma(scale, sum);
        }
        sum.intoArray(tile, target);
    }

    private static void rowQ4(
            MemorySegment panel, int lane, CpuBuffer in, int row, int blocks, float[] tile, int target) {
        float[] x = in.quants();
        float[] scales = in.scales();
        int xStart = row * in.stride();
        int scaleStart = xStart / BLOCK;
        FloatVector sum = FloatVector.zero(F);
        for (int block = 0; block < blocks; block++) {
            int at = block * Q4_BLOCK;
            int xk = xStart + BLOCK * block;
            FloatVector a = FloatVector.zero(F);
            FloatVector b = FloatVector.zero(F);
            FloatVector c = FloatVector.zero(F);
            FloatVector d = FloatVector.zero(F);
            for (int k = 0; k < HALF; k += 2) {
                FloatVector x0 = FloatVector.broadcast(F, x[xk + k]);
                FloatVector x1 = FloatVector.broadcast(F, x[xk + k + 1]);
                FloatVector x2 = FloatVector.broadcast(F, x[xk + k + HALF]);
                FloatVector x3 = FloatVector.broadcast(F, x[xk + k + HALF + 1]);
                int wk = at + SCALES + PANEL * k;
                IntVector w0 = integers(panel, wk, lane);
                IntVector w1 = integers(panel, wk + PANEL, lane);
                a = low(w0).fma(x0, a);
                b = low(w1).fma(x1, b);
                c = high(w0).fma(x2, c);
                d = high(w1).fma(x3, d);
            }
            FloatVector scale = half(panel, at, lane).mul(scales[scaleStart + block]);
            sum = a.add(b).add(c.add(d)).fma(scale, sum);
        }
        sum.intoArray(tile, target);
    }

    /** A block of 32 columns in float32, from {@code target} on. */
    static void widenBlock(CpuMatrix matrix, long source, float[] widened, int target) {
        MemorySegment w = matrix.data();
        for (int lane = 0; lane < PANEL; lane += LANES) {
            int to = target + lane;
            switch (matrix.type()) {
                case F32 -> {
                    for (int k = 0; k < BLOCK; k++) {
                        floats(w, source + 4L * (PANEL * k + lane)).intoArray(widened, to + PANEL * k);
                    }
                }
                case F16 -> {
                    for (int k = 0; k < BLOCK; k++) {
                        half(w, source + 2L * PANEL * k, lane).intoArray(widened, to + PANEL * k);
                    }
                }
                case BF16 -> {
                    for (int k = 0; k < BLOCK; k++) {
                        bfloat(w, source + 2L * PANEL * k, lane).intoArray(widened, to + PANEL * k);
                    }
                }
                case Q8 -> {
                    for (int k = 0; k < BLOCK; k++) {
                        bytes(w, source + SCALES + (long) PANEL * k, lane).intoArray(widened, to + PANEL * k);
                    }
                }
                case Q4 -> {
                    for (int k = 0; k < HALF; k++) {
                        IntVector both = integers(w, source + SCALES + (long) PANEL * k, lane);
                        low(both).intoArray(widened, to + PANEL * k);
                        high(both).intoArray(widened, to + PANEL * (k + HALF));
                    }
                }
                case Q8_BY_FOUR, Q4_BY_FOUR -> throw foreign(matrix);
            }
        }
    }
}
