package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Wkv7;

/** The operands of RWKV-7's time mixing as this device's buffers, set anew for each layer without allocating. */
@SuppressWarnings("NullAway.Init") // set before each run
final class CpuWkv7 {
    CpuBuffer r;
    CpuBuffer w;
    CpuBuffer k;
    CpuBuffer v;
    CpuBuffer a;
    CpuBuffer kk;

    /** Of the recurrence; the other operations leave it alone. */
    CpuBuffer out;

    CpuWkv7 set(Wkv7 t) {
        r = (CpuBuffer) t.r();
        w = (CpuBuffer) t.w();
        k = (CpuBuffer) t.k();
        v = (CpuBuffer) t.v();
        a = (CpuBuffer) t.a();
        kk = (CpuBuffer) t.kk();
        return this;
    }
}
