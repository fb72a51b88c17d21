package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import java.lang.foreign.MemorySegment;

/** The recurrences before RWKV-7 in plain Java, one channel at a time: the reference. */
final class ScalarRecurrences {
    private ScalarRecurrences() {}

    /** One channel of RWKV-2 or RWKV-3; {@code aa} and {@code bb} are [width] each, from {@code offset} bytes. */
    static void wkv2(MemorySegment state, long offset, CpuRkv t, float epsilon, int channel, int first, int last) {
        long aaAt = offset + 4L * channel;
        long bbAt = aaAt + 4L * t.out.width();
        float decay = t.decay.get(0, channel);
        float bonus = t.bonus.get(0, channel);
        float aa = state.get(FLOAT, aaAt);
        float bb = state.get(FLOAT, bbAt);
        for (int row = first; row < last; row++) {
            float k = ScalarKernels.exp(Math.min(t.k.get(row, channel), 60));
            float kv = k * t.v.get(row, channel);
            float wkv = Math.fma(bonus, kv, aa) / (Math.fma(bonus, k, bb) + epsilon);
            t.out.set(row, channel, t.r.get(row, channel) * wkv);
            aa = Math.fma(decay, aa, kv);
            bb = Math.fma(decay, bb, k);
        }
        state.set(FLOAT, aaAt, aa);
        state.set(FLOAT, bbAt, bb);
    }

    /** One channel of RWKV-4; {@code aa}, {@code bb} and {@code pp} are [width] each, from {@code offset} bytes. */
    static void wkv4(MemorySegment state, long offset, CpuRkv t, int channel, int first, int last) {
        long aaAt = offset + 4L * channel;
        long bbAt = aaAt + 4L * t.out.width();
        long ppAt = bbAt + 4L * t.out.width();
        float decay = t.decay.get(0, channel);
        float bonus = t.bonus.get(0, channel);
        float aa = state.get(FLOAT, aaAt);
        float bb = state.get(FLOAT, bbAt);
        float pp = state.get(FLOAT, ppAt);
        for (int row = first; row < last; row++) {
            float k = t.k.get(row, channel);
            float v = t.v.get(row, channel);
            float now = bonus + k;
            float q = Math.max(pp, now);
            float e1 = ScalarKernels.exp(pp - q);
            float e2 = ScalarKernels.exp(now - q);
            float wkv = Math.fma(e1, aa, e2 * v) / Math.fma(e1, bb, e2);
            t.out.set(row, channel, t.r.get(row, channel) * wkv);
            float past = pp + decay;
            q = Math.max(past, k);
            e1 = ScalarKernels.exp(past - q);
            e2 = ScalarKernels.exp(k - q);
            aa = Math.fma(e1, aa, e2 * v);
            bb = Math.fma(e1, bb, e2);
            pp = q;
        }
        state.set(FLOAT, aaAt, aa);
        state.set(FLOAT, bbAt, bb);
        state.set(FLOAT, ppAt, pp);
    }

    /**
     * One value channel of one head of RWKV-5 or RWKV-6 for one row; S [key][value] at {@code offset} bytes.
     *
     * @param bonus from {@link #bonus}
     */
    static void wkv6(
            MemorySegment state, long offset, int head, int headSize, CpuRkv t, int row, int value, float bonus) {
        int start = head * headSize;
        float v = t.v.get(row, start + value);
        long decay = t.decayOffset(row) + 4L * start;
        float out = 0;
        for (int i = 0; i < headSize; i++) {
            long at = offset + 4L * (i * headSize + value);
            float s = state.get(FLOAT, at);
            out = Math.fma(s, t.r.get(row, start + i), out);
            state.set(FLOAT, at, Math.fma(s, t.decay.data().get(FLOAT, decay + 4L * i), t.k.get(row, start + i) * v));
        }
        t.out.set(row, start + value, Math.fma(bonus, v, out));
    }

    /** Σ_i r[i] · bonus[i] · k[i]: how much of its own value a row takes at once. */
    static float bonus(int head, int headSize, CpuRkv t, int row) {
        float sum = 0;
        for (int i = head * headSize; i < (head + 1) * headSize; i++) {
            sum = Math.fma(t.r.get(row, i) * t.bonus.get(0, i), t.k.get(row, i), sum);
        }
        return sum;
    }
}
