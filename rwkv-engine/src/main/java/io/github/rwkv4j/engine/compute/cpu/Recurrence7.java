package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.Wkv7;
import java.lang.foreign.MemorySegment;

/** The parts of RWKV-7's time mixing that work on single heads. */
final class Recurrence7 {
    private final Kernels kernels;
    private final WorkerPool pool;
    private final Kernels.Scratch[] scratch;
    private final CpuWkv7 t = new CpuWkv7();
    private final Keys keys = new Keys();
    private final Wkv wkv = new Wkv();
    private final HeadNorm headNorm = new HeadNorm();

    Recurrence7(Kernels kernels, WorkerPool pool, Kernels.Scratch[] scratch) {
        this.kernels = kernels;
        this.pool = pool;
        this.scratch = scratch;
    }

    void keys(int count, int headSize, Wkv7 operands, CpuBuffer k_k, CpuBuffer k_a) {
        t.set(operands);
        keys.headSize = headSize;
        keys.k_k = k_k;
        keys.k_a = k_a;
        keys.run(pool, count);
    }

    void wkv(Batch batch, StateLayout.Part state, int headSize, Wkv7 operands, Buffer out) {
        t.set(operands).out = (CpuBuffer) out;
        wkv.batch = batch;
        wkv.state = state;
        wkv.headSize = headSize;
        wkv.heads = t.r.width() / headSize;
        pool.run(wkv, batch.sessions() * wkv.heads);
    }

    void headNorm(int count, int headSize, CpuBuffer o, Norm norm, Wkv7 operands, CpuBuffer r_k, CpuBuffer g) {
        t.set(operands);
        headNorm.headSize = headSize;
        headNorm.o = o;
        headNorm.norm = norm;
        headNorm.r_k = r_k;
        headNorm.g = g;
        headNorm.run(pool, count);
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Keys extends Rows.RowTask {
        int headSize;
        CpuBuffer k_k;
        CpuBuffer k_a;

        @Override
        void row(int row) {
            kernels.keys7(t, k_k, k_a, headSize, row);
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Wkv implements WorkerPool.Task {
        Batch batch;
        StateLayout.Part state;
        int headSize;
        int heads;

        @Override
        public void run(int unit, int worker) {
            int session = unit / heads;
            int head = unit % heads;
            MemorySegment data = ((CpuState) batch.state(session)).data();
            long offset = 4L * (state.offset() + head * headSize * headSize);
            int first = batch.firstRow(session);
            kernels.wkv7(data, offset, head, headSize, t, first, batch.firstRow(session + 1), scratch[worker]);
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class HeadNorm extends Rows.RowTask {
        int headSize;
        CpuBuffer o;
        Norm norm;
        CpuBuffer r_k;
        CpuBuffer g;

        @Override
        void row(int row) {
            long at = o.offset(row);
            kernels.normalise(o.data(), at, o.data(), at, o.width() / headSize, headSize, norm);
            kernels.bonus7(o, t, r_k, g, headSize, row);
        }
    }
}
