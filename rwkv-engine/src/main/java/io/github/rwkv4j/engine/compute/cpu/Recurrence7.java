package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.Wkv7;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The parts of RWKV-7's time mixing that work on single heads. */
final class Recurrence7 {
    private final Kernels kernels;
    private final WorkerPool pool;
    private final Keys keys = new Keys();
    private final Wkv wkv = new Wkv();
    private final HeadNorm headNorm = new HeadNorm();

    Recurrence7(Kernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
    }

    void keys(int count, int headSize, Wkv7 t, CpuBuffer k_k, CpuBuffer k_a) {
        keys.headSize = headSize;
        keys.k = (CpuBuffer) t.k();
        keys.a = (CpuBuffer) t.a();
        keys.kk = (CpuBuffer) t.kk();
        keys.k_k = k_k;
        keys.k_a = k_a;
        keys.run(pool, count);
    }

    void wkv(Batch batch, StateLayout.Part state, int headSize, Wkv7 t, Buffer out) {
        wkv.operands(headSize, t, out);
        wkv.batch = batch;
        wkv.state = state;
        wkv.headSize = headSize;
        wkv.heads = t.r().width() / headSize;
        pool.run(wkv, batch.sessions() * wkv.heads);
    }

    void headNorm(int count, int headSize, CpuBuffer o, Norm norm, Wkv7 t, CpuBuffer r_k, CpuBuffer g) {
        headNorm.headSize = headSize;
        headNorm.o = o;
        headNorm.norm = norm;
        headNorm.r = (CpuBuffer) t.r();
        headNorm.k = (CpuBuffer) t.k();
        headNorm.v = (CpuBuffer) t.v();
        headNorm.r_k = r_k;
        headNorm.g = g;
        headNorm.run(pool, count);
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private static final class Keys extends Rows.RowTask {
        int headSize;
        CpuBuffer k;
        CpuBuffer a;
        CpuBuffer kk;
        CpuBuffer k_k;
        CpuBuffer k_a;

        @Override
        void row(int row) {
            for (int head = 0; head < k.width(); head += headSize) {
                long at = k.offset(row) + 4L * head;
                for (int i = 0; i < headSize; i++) {
                    float key = k.data().get(FLOAT, at + 4L * i);
                    kk.data().set(FLOAT, at + 4L * i, key * k_k.data().get(FLOAT, 4L * (head + i)));
                }
                float norm = (float) Math.sqrt(Reductions.squares(kk.data(), at, headSize, 0));
                float scale = 1 / Math.max(norm, 1e-12f);
                for (int i = 0; i < headSize; i++) {
                    long here = at + 4L * i;
                    float rate = a.data().get(FLOAT, here);
                    kk.data().set(FLOAT, here, kk.data().get(FLOAT, here) * scale);
                    float amount = 1 + (rate - 1) * k_a.data().get(FLOAT, 4L * (head + i));
                    k.data().set(FLOAT, here, k.data().get(FLOAT, here) * amount);
                }
            }
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Wkv implements WorkerPool.Task {
        Batch batch;
        StateLayout.Part state;
        int headSize;
        int heads;
        private CpuWkv7[] scratch = {};

        void operands(int headSize, Wkv7 t, Buffer out) {
            if (scratch.length == 0 || scratch[0].headSize() != headSize) {
                scratch = new CpuWkv7[pool.workers()];
                Arrays.setAll(scratch, _ -> new CpuWkv7(headSize));
            }
            for (CpuWkv7 worker : scratch) {
                worker.set(t, out);
            }
        }

        @Override
        public void run(int unit, int worker) {
            int session = unit / heads;
            int head = unit % heads;
            MemorySegment data = ((CpuState) batch.state(session)).data();
            long offset = 4L * (state.offset() + head * headSize * headSize);
            kernels.wkv7(
                    data,
                    offset,
                    headSize,
                    scratch[worker],
                    head * headSize,
                    batch.firstRow(session),
                    batch.firstRow(session + 1));
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private static final class HeadNorm extends Rows.RowTask {
        int headSize;
        CpuBuffer o;
        Norm norm;
        CpuBuffer r;
        CpuBuffer k;
        CpuBuffer v;
        CpuBuffer r_k;
        CpuBuffer g;

        @Override
        void row(int row) {
            MemorySegment weight = ((CpuBuffer) norm.weight()).data();
            MemorySegment bias = ((CpuBuffer) norm.bias()).data();
            for (int head = 0; head < o.width(); head += headSize) {
                long at = o.offset(row) + 4L * head;
                Reductions.normalise(o.data(), at, o.data(), at, headSize, norm.epsilon(), weight, bias, 4L * head);
                float bonus = bonus(at, 4L * head);
                for (int i = 0; i < headSize; i++) {
                    long here = at + 4L * i;
                    float value = o.data().get(FLOAT, here) + bonus * v.data().get(FLOAT, here);
                    o.data().set(FLOAT, here, value * g.data().get(FLOAT, here));
                }
            }
        }

        private float bonus(long at, long parameters) {
            float even = 0;
            float odd = 0;
            int i = 0;
            for (; i + 2 <= headSize; i += 2) {
                even += product(at + 4L * i, parameters + 4L * i);
                odd += product(at + 4L * (i + 1), parameters + 4L * (i + 1));
            }
            if (i < headSize) {
                even += product(at + 4L * i, parameters + 4L * i);
            }
            return even + odd;
        }

        private float product(long at, long parameter) {
            return r.data().get(FLOAT, at)
                    * k.data().get(FLOAT, at)
                    * r_k.data().get(FLOAT, parameter);
        }
    }
}
