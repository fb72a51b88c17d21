package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The recurrences before RWKV-7 in vectors: lanes are channels, each doing what {@link ScalarRecurrences} does. */
final class VectorRecurrences {
    private static final VectorSpecies<Float> F = VectorKernels.F;
    private static final int LANES = F.length();
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    private VectorRecurrences() {}

    private static FloatVector floats(MemorySegment segment, long offset) {
        return FloatVector.fromMemorySegment(F, segment, offset, LITTLE);
    }

    static void wkv4(MemorySegment state, long offset, CpuRkv t, int channel, int end, int first, int last) {
        int c = channel;
        for (; c + LANES <= end; c += LANES) {
            wkv4(state, offset + 4L * c, t, 4L * c, first, last);
        }
        for (; c < end; c++) {
            ScalarRecurrences.wkv4(state, offset, t, c, first, last);
        }
    }

    private static void wkv4(MemorySegment state, long aaAt, CpuRkv t, long column, int first, int last) {
        long bbAt = aaAt + 4L * t.out.width();
        long ppAt = bbAt + 4L * t.out.width();
        FloatVector decay = floats(t.decay.data(), column);
        FloatVector bonus = floats(t.bonus.data(), column);
        FloatVector aa = floats(state, aaAt);
        FloatVector bb = floats(state, bbAt);
        FloatVector pp = floats(state, ppAt);
        for (int row = first; row < last; row++) {
            long at = t.out.offset(row) + column;
            FloatVector k = floats(t.k.data(), at);
            FloatVector v = floats(t.v.data(), at);
            FloatVector now = bonus.add(k);
            FloatVector q = pp.max(now);
            FloatVector e1 = VectorKernels.exp(pp.sub(q));
            FloatVector e2 = VectorKernels.exp(now.sub(q));
            FloatVector wkv = e1.fma(aa, e2.mul(v)).div(e1.fma(bb, e2));
            floats(t.r.data(), at).mul(wkv).intoMemorySegment(t.out.data(), at, LITTLE);
            FloatVector past = pp.add(decay);
            q = past.max(k);
            e1 = VectorKernels.exp(past.sub(q));
            e2 = VectorKernels.exp(k.sub(q));
            aa = e1.fma(aa, e2.mul(v));
            bb = e1.fma(bb, e2);
            pp = q;
        }
        aa.intoMemorySegment(state, aaAt, LITTLE);
        bb.intoMemorySegment(state, bbAt, LITTLE);
        pp.intoMemorySegment(state, ppAt, LITTLE);
    }

    static void wkv6(MemorySegment state, long offset, int head, int headSize, CpuRkv t, int first, int last) {
        for (int row = first; row < last; row++) {
            float bonus = ScalarRecurrences.bonus(head, headSize, t, row);
            int j = 0;
            for (; j + 4 * LANES <= headSize; j += 4 * LANES) {
                wkv6Four(state, offset + 4L * j, head, headSize, t, row, j, bonus);
            }
            for (; j + LANES <= headSize; j += LANES) {
                wkv6One(state, offset + 4L * j, head, headSize, t, row, j, bonus);
            }
            for (; j < headSize; j++) {
                ScalarRecurrences.wkv6(state, offset, head, headSize, t, row, j, bonus);
            }
        }
    }

    /** Four vectors of value channels: enough independent sums to hide the latency of the multiply-adds. */
    private static void wkv6Four(
            MemorySegment state, long offset, int head, int headSize, CpuRkv t, int row, int value, float bonus) {
        long step = 4L * LANES;
        long column = t.out.offset(row) + 4L * head * headSize;
        long decay = t.decayOffset(row) + 4L * head * headSize;
        MemorySegment values = t.v.data();
        long at = column + 4L * value;
        FloatVector v0 = floats(values, at);
        FloatVector v1 = floats(values, at + step);
        FloatVector v2 = floats(values, at + 2 * step);
        FloatVector v3 = floats(values, at + 3 * step);
        FloatVector o0 = FloatVector.zero(F);
        FloatVector o1 = FloatVector.zero(F);
        FloatVector o2 = FloatVector.zero(F);
        FloatVector o3 = FloatVector.zero(F);
        for (int i = 0; i < headSize; i++) {
            long s = offset + 4L * i * headSize;
            FloatVector r = FloatVector.broadcast(F, t.r.data().get(FLOAT, column + 4L * i));
            FloatVector k = FloatVector.broadcast(F, t.k.data().get(FLOAT, column + 4L * i));
            FloatVector w = FloatVector.broadcast(F, t.decay.data().get(FLOAT, decay + 4L * i));
            FloatVector s0 = floats(state, s);
            FloatVector s1 = floats(state, s + step);
            FloatVector s2 = floats(state, s + 2 * step);
            FloatVector s3 = floats(state, s + 3 * step);
            o0 = s0.fma(r, o0);
            o1 = s1.fma(r, o1);
            o2 = s2.fma(r, o2);
            o3 = s3.fma(r, o3);
            s0.fma(w, k.mul(v0)).intoMemorySegment(state, s, LITTLE);
            s1.fma(w, k.mul(v1)).intoMemorySegment(state, s + step, LITTLE);
            s2.fma(w, k.mul(v2)).intoMemorySegment(state, s + 2 * step, LITTLE);
            s3.fma(w, k.mul(v3)).intoMemorySegment(state, s + 3 * step, LITTLE);
        }
        FloatVector b = FloatVector.broadcast(F, bonus);
        MemorySegment out = t.out.data();
        b.fma(v0, o0).intoMemorySegment(out, at, LITTLE);
        b.fma(v1, o1).intoMemorySegment(out, at + step, LITTLE);
        b.fma(v2, o2).intoMemorySegment(out, at + 2 * step, LITTLE);
        b.fma(v3, o3).intoMemorySegment(out, at + 3 * step, LITTLE);
    }

    private static void wkv6One(
            MemorySegment state, long offset, int head, int headSize, CpuRkv t, int row, int value, float bonus) {
        long column = t.out.offset(row) + 4L * head * headSize;
        long decay = t.decayOffset(row) + 4L * head * headSize;
        FloatVector v = floats(t.v.data(), column + 4L * value);
        FloatVector o = FloatVector.zero(F);
        for (int i = 0; i < headSize; i++) {
            long at = offset + 4L * i * headSize;
            FloatVector s = floats(state, at);
            o = s.fma(FloatVector.broadcast(F, t.r.data().get(FLOAT, column + 4L * i)), o);
            FloatVector kv = v.mul(t.k.data().get(FLOAT, column + 4L * i));
            s.fma(FloatVector.broadcast(F, t.decay.data().get(FLOAT, decay + 4L * i)), kv)
                    .intoMemorySegment(state, at, LITTLE);
        }
        v.fma(FloatVector.broadcast(F, bonus), o).intoMemorySegment(t.out.data(), column + 4L * value, LITTLE);
    }
}
