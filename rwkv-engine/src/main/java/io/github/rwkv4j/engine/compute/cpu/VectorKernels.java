package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.PANEL;

import io.github.rwkv4j.engine.compute.Epilogue;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * The Vector API, in the widest vectors that the processor has (up to 16 numbers). Lanes are outputs, so every lane does
 * exactly what {@link ScalarKernels} does for one output.
 */
final class VectorKernels extends JavaKernels {
    static final VectorSpecies<Float> F =
            FloatVector.SPECIES_PREFERRED.length() > PANEL ? FloatVector.SPECIES_512 : FloatVector.SPECIES_PREFERRED;
    static final int LANES = F.length();
    static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());
    static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    @Override
    public String name() {
        return "Vector API " + F.vectorBitSize() + " bit";
    }

    @Override
    void multiplyRow(CpuMatrix matrix, int panel, CpuBuffer in, int row, float[] tile) {
        for (int lane = 0; lane < PANEL; lane += LANES) {
            VectorRows.multiply(matrix, panel, lane, in, row, tile);
        }
    }

    @Override
    void widen(CpuMatrix matrix, int panel, float[] widened) {
        for (int p = 0; p < 2; p++) {
            long source = matrix.panelOffset(panel + p);
            int target = p * matrix.widenedPanel();
            for (int block = 0; block < matrix.blocks(); block++) {
                VectorRows.widenBlock(matrix, source, widened, target);
                if (matrix.type().quantised()) {
                    for (int lane = 0; lane < PANEL; lane += LANES) {
                        VectorRows.half(matrix.data(), source, lane)
                                .intoArray(widened, matrix.widenedScales(p) + block * PANEL + lane);
                    }
                }
                source += matrix.type().blockBytes;
                target += PANEL * BLOCK;
            }
        }
    }

    @Override
    void multiplyTile(CpuMatrix matrix, float[] widened, float[] x, int from, float[] tile) {
        for (int lane = 0; lane < PANEL; lane += LANES) {
            if (matrix.type().quantised()) {
                tileIntegers(matrix, widened, lane, x, from, tile);
            } else {
                tile(matrix, widened, lane, x, from, tile);
            }
        }
    }

    /** 6 rows times 2 vectors of outputs, all in registers. */
    private static void tile(CpuMatrix matrix, float[] w, int lane, float[] x, int from, float[] tile) {
        int panel = matrix.widenedPanel();
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector a4 = FloatVector.zero(F);
        FloatVector a5 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        FloatVector b4 = FloatVector.zero(F);
        FloatVector b5 = FloatVector.zero(F);
        int columns = matrix.columns();
        for (int k = 0; k < columns; k++) {
            FloatVector a = FloatVector.fromArray(F, w, lane + PANEL * k);
            FloatVector b = FloatVector.fromArray(F, w, panel + lane + PANEL * k);
            int at = from + TILE_ROWS * k;
            FloatVector xk = FloatVector.broadcast(F, x[at]);
            a0 = a.fma(xk, a0);
            b0 = b.fma(xk, b0);
            xk = FloatVector.broadcast(F, x[at + 1]);
            a1 = a.fma(xk, a1);
            b1 = b.fma(xk, b1);
            xk = FloatVector.broadcast(F, x[at + 2]);
            a2 = a.fma(xk, a2);
            b2 = b.fma(xk, b2);
            xk = FloatVector.broadcast(F, x[at + 3]);
            a3 = a.fma(xk, a3);
            b3 = b.fma(xk, b3);
            xk = FloatVector.broadcast(F, x[at + 4]);
            a4 = a.fma(xk, a4);
            b4 = b.fma(xk, b4);
            xk = FloatVector.broadcast(F, x[at + 5]);
            a5 = a.fma(xk, a5);
            b5 = b.fma(xk, b5);
        }
        put(tile, 0, lane, a0, b0);
        put(tile, 1, lane, a1, b1);
        put(tile, 2, lane, a2, b2);
        put(tile, 3, lane, a3, b3);
        put(tile, 4, lane, a4, b4);
        put(tile, 5, lane, a5, b5);
    }

    private static void put(float[] tile, int row, int lane, FloatVector a, FloatVector b) {
        a.intoArray(tile, row * TILE_COLUMNS + lane);
        b.intoArray(tile, row * TILE_COLUMNS + PANEL + lane);
    }

    /** As {@link #tile}, with one exact sum per block of 32 and the scales' product after each block. */
    private static void tileIntegers(CpuMatrix matrix, float[] w, int lane, float[] x, int from, float[] tile) {
        for (int row = 0; row < TILE_ROWS; row++) {
            put(tile, row, lane, FloatVector.zero(F), FloatVector.zero(F));
        }
        int panel = matrix.widenedPanel();
        int scales = matrix.widenedScales(0) + lane;
        int scalesOfNext = matrix.widenedScales(1) + lane;
        int xScales = from + TILE_ROWS * BLOCK * matrix.blocks();
        for (int block = 0; block < matrix.blocks(); block++) {
            int first = PANEL * BLOCK * block + lane;
            blockIntegers(
                    w,
                    first,
                    panel + first,
                    scales + PANEL * block,
                    scalesOfNext + PANEL * block,
                    x,
                    from + TILE_ROWS * BLOCK * block,
                    xScales + TILE_ROWS * block,
                    tile,
                    lane);
        }
    }

    /** One block of 32 columns: exact sums, times the scales, added to the tile. */
    private static void blockIntegers(
            float[] w,
            int first,
            int second,
            int scales,
            int scalesOfNext,
            float[] x,
            int start,
            int xScales,
            float[] tile,
            int lane) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = FloatVector.zero(F);
        FloatVector a2 = FloatVector.zero(F);
        FloatVector a3 = FloatVector.zero(F);
        FloatVector a4 = FloatVector.zero(F);
        FloatVector a5 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F);
        FloatVector b1 = FloatVector.zero(F);
        FloatVector b2 = FloatVector.zero(F);
        FloatVector b3 = FloatVector.zero(F);
        FloatVector b4 = FloatVector.zero(F);
        FloatVector b5 = FloatVector.zero(F);
        for (int k = 0; k < BLOCK; k++) {
            FloatVector a = FloatVector.fromArray(F, w, first + PANEL * k);
            FloatVector b = FloatVector.fromArray(F, w, second + PANEL * k);
            int at = start + TILE_ROWS * k;
            FloatVector xk = FloatVector.broadcast(F, x[at]);
            a0 = a.fma(xk, a0);
            b0 = b.fma(xk, b0);
            xk = FloatVector.broadcast(F, x[at + 1]);
            a1 = a.fma(xk, a1);
            b1 = b.fma(xk, b1);
            xk = FloatVector.broadcast(F, x[at + 2]);
            a2 = a.fma(xk, a2);
            b2 = b.fma(xk, b2);
            xk = FloatVector.broadcast(F, x[at + 3]);
            a3 = a.fma(xk, a3);
            b3 = b.fma(xk, b3);
            xk = FloatVector.broadcast(F, x[at + 4]);
            a4 = a.fma(xk, a4);
            b4 = b.fma(xk, b4);
            xk = FloatVector.broadcast(F, x[at + 5]);
            a5 = a.fma(xk, a5);
            b5 = b.fma(xk, b5);
        }
        FloatVector scale = FloatVector.fromArray(F, w, scales);
        FloatVector scaleOfNext = FloatVector.fromArray(F, w, scalesOfNext);
        int to = lane;
        float s0 = x[xScales + 0];
        a0.fma(scale.mul(s0), FloatVector.fromArray(F, tile, to + 0 * TILE_COLUMNS))
                .intoArray(tile, to + 0 * TILE_COLUMNS);
        b0.fma(scaleOfNext.mul(s0), FloatVector.fromArray(F, tile, to + 0 * TILE_COLUMNS + PANEL))
                .intoArray(tile, to + 0 * TILE_COLUMNS + PANEL);
        float s1 = x[xScales + 1];
        a1.fma(scale.mul(s1), FloatVector.fromArray(F, tile, to + 1 * TILE_COLUMNS))
                .intoArray(tile, to + 1 * TILE_COLUMNS);
        b1.fma(scaleOfNext.mul(s1), FloatVector.fromArray(F, tile, to + 1 * TILE_COLUMNS + PANEL))
                .intoArray(tile, to + 1 * TILE_COLUMNS + PANEL);
        float s2 = x[xScales + 2];
        a2.fma(scale.mul(s2), FloatVector.fromArray(F, tile, to + 2 * TILE_COLUMNS))
                .intoArray(tile, to + 2 * TILE_COLUMNS);
        b2.fma(scaleOfNext.mul(s2), FloatVector.fromArray(F, tile, to + 2 * TILE_COLUMNS + PANEL))
                .intoArray(tile, to + 2 * TILE_COLUMNS + PANEL);
        float s3 = x[xScales + 3];
        a3.fma(scale.mul(s3), FloatVector.fromArray(F, tile, to + 3 * TILE_COLUMNS))
                .intoArray(tile, to + 3 * TILE_COLUMNS);
        b3.fma(scaleOfNext.mul(s3), FloatVector.fromArray(F, tile, to + 3 * TILE_COLUMNS + PANEL))
                .intoArray(tile, to + 3 * TILE_COLUMNS + PANEL);
        float s4 = x[xScales + 4];
        a4.fma(scale.mul(s4), FloatVector.fromArray(F, tile, to + 4 * TILE_COLUMNS))
                .intoArray(tile, to + 4 * TILE_COLUMNS);
        b4.fma(scaleOfNext.mul(s4), FloatVector.fromArray(F, tile, to + 4 * TILE_COLUMNS + PANEL))
                .intoArray(tile, to + 4 * TILE_COLUMNS + PANEL);
        float s5 = x[xScales + 5];
        a5.fma(scale.mul(s5), FloatVector.fromArray(F, tile, to + 5 * TILE_COLUMNS))
                .intoArray(tile, to + 5 * TILE_COLUMNS);
        b5.fma(scaleOfNext.mul(s5), FloatVector.fromArray(F, tile, to + 5 * TILE_COLUMNS + PANEL))
                .intoArray(tile, to + 5 * TILE_COLUMNS + PANEL);
    }

    @Override
    void quantize(CpuBuffer buffer, int row) {
        int whole = buffer.width() / BLOCK;
        MemorySegment data = buffer.data();
        float[] quants = buffer.quants();
        float[] scales = buffer.scales();
        for (int block = 0; block < whole; block++) {
            long start = buffer.offset(row) + 4L * BLOCK * block;
            int to = row * buffer.stride() + BLOCK * block;
            FloatVector largest = FloatVector.zero(F);
            for (int k = 0; k < BLOCK; k += LANES) {
                largest = largest.max(VectorRows.floats(data, start + 4L * k).abs());
            }
            float max = largest.reduceLanes(VectorOperators.MAX);
            float inverse = max < ScalarKernels.SMALLEST_BLOCK ? 0 : 127 / max;
            for (int k = 0; k < BLOCK; k += LANES) {
                VectorRows.floats(data, start + 4L * k)
                        .mul(inverse)
                        .add(ScalarKernels.ROUND)
                        .sub(ScalarKernels.ROUND)
                        .intoArray(quants, to + k);
            }
            scales[to / BLOCK] = max / 127;
        }
        if (whole * BLOCK < buffer.width()) {
            ScalarKernels.quantize(buffer, row, whole);
        }
    }

    @Override
    void store(
            float[] tile,
            int tileRow,
            @Nullable CpuBuffer bias,
            Epilogue epilogue,
            CpuBuffer out,
            int row,
            int column) {
        for (int i = 0; i < TILE_COLUMNS; i += LANES) {
            FloatVector z = FloatVector.fromArray(F, tile, tileRow * TILE_COLUMNS + i);
            if (bias != null) {
                z = z.add(VectorRows.floats(bias.data(), 4L * (column + i)));
            }
            long target = out.offset(row) + 4L * (column + i);
            FloatVector value =
                    switch (epilogue) {
                        case NONE -> z;
                        case SIGMOID -> sigmoid(z);
                        case TANH -> tanh(z);
                        case RELU_SQUARED -> z.max(0).mul(z.max(0));
                        case SILU -> z.mul(sigmoid(z));
                        case MISH -> mish(z);
                        case DECAY6 -> exp(exp(z).neg());
                        case DECAY7 -> exp(sigmoid(z).mul(-ScalarKernels.DECAY_SCALE));
                        case ADD -> VectorRows.floats(out.data(), target).add(z);
                        case MULTIPLY -> VectorRows.floats(out.data(), target).mul(z);
                    };
            value.intoMemorySegment(out.data(), target, LITTLE);
        }
    }

    private static FloatVector sigmoid(FloatVector z) {
        FloatVector one = FloatVector.broadcast(F, 1);
        return one.div(exp(z.neg()).add(one));
    }

    private static FloatVector tanh(FloatVector z) {
        FloatVector one = FloatVector.broadcast(F, 1);
        return one.sub(FloatVector.broadcast(F, 2).div(exp(z.mul(2)).add(one)));
    }

    /** As in {@link ScalarKernels}. */
    private static FloatVector mish(FloatVector z) {
        FloatVector e = exp(z.min(20));
        FloatVector n = e.mul(e.add(2));
        return z.mul(n.div(n.add(2)));
    }

    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(-87.33f).min(88.37f);
        FloatVector n = clamped.fma(
                        FloatVector.broadcast(F, 1.44269504f), FloatVector.broadcast(F, ScalarKernels.ROUND))
                .sub(ScalarKernels.ROUND);
        FloatVector r = n.fma(
                FloatVector.broadcast(F, 2.12194440e-4f), n.fma(FloatVector.broadcast(F, -0.693359375f), clamped));
        FloatVector p = FloatVector.broadcast(F, 1.9875691500e-4f);
        p = p.fma(r, FloatVector.broadcast(F, 1.3981999507e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 8.3334519073e-3f));
        p = p.fma(r, FloatVector.broadcast(F, 4.1665795894e-2f));
        p = p.fma(r, FloatVector.broadcast(F, 1.6666665459e-1f));
        p = p.fma(r, FloatVector.broadcast(F, 5.0000001201e-1f));
        FloatVector e = p.fma(r.mul(r), r).add(1);
        IntVector power = (IntVector) n.convertShape(VectorOperators.F2I, I, 0);
        return e.mul(power.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats());
    }

    @Override
    public void wkv7(
            MemorySegment state, long offset, int head, int headSize, CpuWkv7 t, int first, int last, Scratch scratch) {
        int size = headSize * headSize;
        HeadScratch h = ((HeapScratch) scratch).head(headSize);
        float[] s = h.matrix();
        MemorySegment.copy(state, FLOAT, offset, s, 0, size);
        for (int row = first; row < last; row++) {
            h.load(t, row, head * headSize);
            int i = 0;
            for (; i + 4 * LANES <= headSize; i += 4 * LANES) {
                wkv7Four(s, headSize, h.r, h.w, h.k, h.v, h.kk, h.b, i, h.out);
            }
            for (; i + LANES <= headSize; i += LANES) {
                wkv7One(s, headSize, h.r, h.w, h.k, h.v, h.kk, h.b, i, h.out);
            }
            for (; i < headSize; i++) {
                ScalarKernels.wkv7Channel(s, headSize, h, i);
            }
            h.store(t, row, head * headSize);
        }
        MemorySegment.copy(s, 0, state, FLOAT, offset, size);
    }

    /** Four vectors of value channels: enough independent sums to hide the latency of the multiply-adds. */
    private static void wkv7Four(
            float[] s,
            int headSize,
            float[] r,
            float[] w,
            float[] k,
            float[] v,
            float[] kk,
            float[] b,
            int i,
            float[] out) {
        FloatVector sa0 = FloatVector.zero(F);
        FloatVector sa1 = FloatVector.zero(F);
        FloatVector sa2 = FloatVector.zero(F);
        FloatVector sa3 = FloatVector.zero(F);
        for (int j = 0; j < headSize; j++) {
            int at = j * headSize + i;
            FloatVector key = FloatVector.broadcast(F, -kk[j]);
            sa0 = FloatVector.fromArray(F, s, at).fma(key, sa0);
            sa1 = FloatVector.fromArray(F, s, at + LANES).fma(key, sa1);
            sa2 = FloatVector.fromArray(F, s, at + 2 * LANES).fma(key, sa2);
            sa3 = FloatVector.fromArray(F, s, at + 3 * LANES).fma(key, sa3);
        }
        FloatVector v0 = FloatVector.fromArray(F, v, i);
        FloatVector v1 = FloatVector.fromArray(F, v, i + LANES);
        FloatVector v2 = FloatVector.fromArray(F, v, i + 2 * LANES);
        FloatVector v3 = FloatVector.fromArray(F, v, i + 3 * LANES);
        FloatVector o0 = FloatVector.zero(F);
        FloatVector o1 = FloatVector.zero(F);
        FloatVector o2 = FloatVector.zero(F);
        FloatVector o3 = FloatVector.zero(F);
        for (int j = 0; j < headSize; j++) {
            int at = j * headSize + i;
            FloatVector decay = FloatVector.broadcast(F, w[j]);
            FloatVector rate = FloatVector.broadcast(F, b[j]);
            FloatVector key = FloatVector.broadcast(F, k[j]);
            FloatVector receptance = FloatVector.broadcast(F, r[j]);
            FloatVector n0 =
                    v0.fma(key, sa0.fma(rate, FloatVector.fromArray(F, s, at).mul(decay)));
            FloatVector n1 = v1.fma(
                    key, sa1.fma(rate, FloatVector.fromArray(F, s, at + LANES).mul(decay)));
            FloatVector n2 = v2.fma(
                    key,
                    sa2.fma(rate, FloatVector.fromArray(F, s, at + 2 * LANES).mul(decay)));
            FloatVector n3 = v3.fma(
                    key,
                    sa3.fma(rate, FloatVector.fromArray(F, s, at + 3 * LANES).mul(decay)));
            n0.intoArray(s, at);
            n1.intoArray(s, at + LANES);
            n2.intoArray(s, at + 2 * LANES);
            n3.intoArray(s, at + 3 * LANES);
            o0 = n0.fma(receptance, o0);
            o1 = n1.fma(receptance, o1);
            o2 = n2.fma(receptance, o2);
            o3 = n3.fma(receptance, o3);
        }
        o0.intoArray(out, i);
        o1.intoArray(out, i + LANES);
        o2.intoArray(out, i + 2 * LANES);
        o3.intoArray(out, i + 3 * LANES);
    }

    private static void wkv7One(
            float[] s,
            int headSize,
            float[] r,
            float[] w,
            float[] k,
            float[] v,
            float[] kk,
            float[] b,
            int i,
            float[] out) {
        FloatVector sa = FloatVector.zero(F);
        for (int j = 0; j < headSize; j++) {
            sa = FloatVector.fromArray(F, s, j * headSize + i).fma(FloatVector.broadcast(F, -kk[j]), sa);
        }
        FloatVector values = FloatVector.fromArray(F, v, i);
        FloatVector o = FloatVector.zero(F);
        for (int j = 0; j < headSize; j++) {
            int at = j * headSize + i;
            FloatVector old = FloatVector.fromArray(F, s, at).mul(w[j]);
            FloatVector now = values.fma(FloatVector.broadcast(F, k[j]), sa.fma(FloatVector.broadcast(F, b[j]), old));
            now.intoArray(s, at);
            o = now.fma(FloatVector.broadcast(F, r[j]), o);
        }
        o.intoArray(out, i);
    }

    @Override
    public void wkv4(
            MemorySegment state, long offset, CpuRkv t, int channel, int end, int first, int last, Scratch scratch) {
        VectorRecurrences.wkv4(state, offset, t, channel, end, first, last);
    }

    @Override
    public void wkv6(
            MemorySegment state, long offset, int head, int headSize, CpuRkv t, int first, int last, Scratch scratch) {
        VectorRecurrences.wkv6(state, offset, head, headSize, t, first, last);
    }
}
