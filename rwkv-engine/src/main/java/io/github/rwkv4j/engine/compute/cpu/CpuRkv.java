package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Rkv;

/** The operands of a recurrence before RWKV-7 as this device's buffers, set anew for each layer without allocating. */
@SuppressWarnings("NullAway.Init") // set before each run
final class CpuRkv {
    CpuBuffer r;
    CpuBuffer k;
    CpuBuffer v;
    CpuBuffer decay;
    CpuBuffer bonus;
    CpuBuffer out;

    CpuRkv set(Rkv t, Buffer output) {
        r = (CpuBuffer) t.r();
        k = (CpuBuffer) t.k();
        v = (CpuBuffer) t.v();
        out = (CpuBuffer) output;
        return this;
    }

    /** The parameters of all recurrences but that of RWKV-1. */
    void decayingBy(Buffer decayOfRows, Buffer bonusOfChannels) {
        decay = (CpuBuffer) decayOfRows;
        bonus = (CpuBuffer) bonusOfChannels;
    }

    /** Where the decay of a row begins: a single row of decays serves all. */
    long decayOffset(int row) {
        return decay.rows() == 1 ? 0 : decay.offset(row);
    }
}
