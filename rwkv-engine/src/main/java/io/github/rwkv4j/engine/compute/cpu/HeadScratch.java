package io.github.rwkv4j.engine.compute.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Scratch memory for the recurrence of RWKV-7: one head's matrix and one row's operands, on the heap, where the Vector API
 * is at its best.
 */
final class HeadScratch {
    final float[] r;
    final float[] w;
    final float[] k;
    final float[] v;
    final float[] kk;

    /** kk · a. */
    final float[] b;

    final float[] out;
    private final float[] matrix;

    HeadScratch(int headSize) {
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

    /** S of the head at work, [key][value]. */
    float[] matrix() {
        return matrix;
    }

    /** Brings one row's operands of the head that begins at {@code channel}. */
    void load(CpuWkv7 t, int row, int channel) {
        copy(t.r, row, channel, r);
        copy(t.w, row, channel, w);
        copy(t.k, row, channel, k);
        copy(t.v, row, channel, v);
        copy(t.kk, row, channel, kk);
        copy(t.a, row, channel, b);
        for (int j = 0; j < b.length; j++) {
            b[j] *= kk[j];
        }
    }

    void store(CpuWkv7 t, int row, int channel) {
        MemorySegment.copy(out, 0, t.out.data(), CpuBuffer.FLOAT, t.out.offset(row) + 4L * channel, out.length);
    }

    private static void copy(CpuBuffer source, int row, int channel, float[] target) {
        long offset = source.offset(row) + 4L * channel;
        MemorySegment.copy(source.data(), CpuBuffer.FLOAT, offset, target, 0, target.length);
    }
}
