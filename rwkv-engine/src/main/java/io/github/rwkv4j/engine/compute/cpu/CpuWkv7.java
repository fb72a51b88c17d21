package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Wkv7;

/** The operands of the recurrence of RWKV-7 as this device's buffers, set anew for each layer without allocating. */
@SuppressWarnings("NullAway.Init") // set before each run
final class CpuWkv7 {
    CpuBuffer r;
    CpuBuffer w;
    CpuBuffer k;
    CpuBuffer v;
    CpuBuffer a;
    CpuBuffer kk;
    CpuBuffer out;

    CpuWkv7 set(Wkv7 t, Buffer output) {
        r = (CpuBuffer) t.r();
        w = (CpuBuffer) t.w();
        k = (CpuBuffer) t.k();
        v = (CpuBuffer) t.v();
        a = (CpuBuffer) t.a();
        kk = (CpuBuffer) t.kk();
        out = (CpuBuffer) output;
        return this;
    }
}
