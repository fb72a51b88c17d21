package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Wkv7;
import java.lang.foreign.MemorySegment;

/**
 * A worker's scratch area for the recurrence of RWKV-7: one head's matrix and one row's operands, on the heap, where the
 * Vector API is at its best. Set anew for each layer without allocating.
 */
@SuppressWarnings("NullAway.Init") // set before each run
final class CpuWkv7 {
    final float[] r;
    final float[] w;
    final float[] k;
    final float[] v;
    final float[] kk;

    /** kk · a. */
    final float[] b;

    final float[] out;
    private final float[] matrix;
    private Wkv7 operands;
    private CpuBuffer output;

    CpuWkv7(int headSize) {
        r = new float[headSize];
        w = new float[headSize];
        k = new float[headSize];
        v = new float[headSize];
        kk = new float[headSize];
        b = new float[headSize];
        out = new float[headSize];
        matrix = new float[headSize * headSize];
    }

    int headSize() {
        return r.length;
    }

    CpuWkv7 set(Wkv7 t, Buffer output) {
        operands = t;
        this.output = (CpuBuffer) output;
        return this;
    }

    /** S of the head at work, [key][value]. */
    float[] matrix() {
        return matrix;
    }

    /** Brings one row's operands of the head that begins at {@code channel}. */
    void load(int row, int channel) {
        copy(operands.r(), row, channel, r);
        copy(operands.w(), row, channel, w);
        copy(operands.k(), row, channel, k);
        copy(operands.v(), row, channel, v);
        copy(operands.kk(), row, channel, kk);
        copy(operands.a(), row, channel, b);
        for (int j = 0; j < b.length; j++) {
            b[j] *= kk[j];
        }
    }

    void store(int row, int channel) {
        MemorySegment.copy(out, 0, output.data(), CpuBuffer.FLOAT, output.offset(row) + 4L * channel, out.length);
    }

    private static void copy(Buffer source, int row, int channel, float[] target) {
        CpuBuffer buffer = (CpuBuffer) source;
        MemorySegment.copy(buffer.data(), CpuBuffer.FLOAT, buffer.offset(row) + 4L * channel, target, 0, target.length);
    }
}
