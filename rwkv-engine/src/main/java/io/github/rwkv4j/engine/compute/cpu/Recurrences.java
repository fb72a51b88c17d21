package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.StateLayout;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The recurrences of RWKV-2 to RWKV-6, spread over the workers by session and channels or heads, and their head norm. */
final class Recurrences {
    /** Channels of a session that are one unit of work. */
    private static final int CHANNELS = 64;

    private final Kernels kernels;
    private final WorkerPool pool;
    private final Kernels.Scratch[] scratch;
    private final Wkv2 wkv2 = new Wkv2();
    private final Wkv4 wkv4 = new Wkv4();
    private final Wkv6 wkv6 = new Wkv6();
    private final HeadNorm headNorm = new HeadNorm();

    /** The operands of {@link #wkv2}, {@link #wkv4} and {@link #wkv6}. */
    final CpuRkv t = new CpuRkv();

    Recurrences(Kernels kernels, WorkerPool pool, Kernels.Scratch[] scratch) {
        this.kernels = kernels;
        this.pool = pool;
        this.scratch = scratch;
    }

    void wkv2(Batch batch, StateLayout.Part state, float epsilon) {
        wkv2.epsilon = epsilon;
        wkv2.run(batch, state);
    }

    void wkv4(Batch batch, StateLayout.Part state) {
        wkv4.run(batch, state);
    }

    void wkv6(Batch batch, StateLayout.Part state, int headSize) {
        wkv6.batch = batch;
        wkv6.state = state;
        wkv6.headSize = headSize;
        wkv6.heads = t.out.width() / headSize;
        pool.run(wkv6, batch.sessions() * wkv6.heads);
    }

    void headNorm(int count, int headSize, CpuBuffer o, Norm norm, @Nullable CpuBuffer g) {
        headNorm.headSize = headSize;
        headNorm.o = o;
        headNorm.norm = norm;
        headNorm.g = g;
        headNorm.run(pool, count);
    }

    /** A recurrence whose channels know nothing of each other. */
    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private abstract class ChannelTask implements WorkerPool.Task {
        private Batch batch;
        private StateLayout.Part state;
        private int chunks;

        final void run(Batch rows, StateLayout.Part part) {
            batch = rows;
            state = part;
            chunks = Math.ceilDiv(t.out.width(), CHANNELS);
            pool.run(this, rows.sessions() * chunks);
        }

        @Override
        public final void run(int unit, int worker) {
            int session = unit / chunks;
            int channel = unit % chunks * CHANNELS;
            int end = Math.min(t.out.width(), channel + CHANNELS);
            MemorySegment data = ((CpuState) batch.state(session)).data();
            channels(
                    data,
                    4L * state.offset(),
                    channel,
                    end,
                    batch.firstRow(session),
                    batch.firstRow(session + 1),
                    scratch[worker]);
        }

        abstract void channels(
                MemorySegment data, long offset, int channel, int end, int first, int last, Kernels.Scratch own);
    }

    private final class Wkv2 extends ChannelTask {
        float epsilon;

        @Override
        void channels(MemorySegment data, long offset, int channel, int end, int first, int last, Kernels.Scratch own) {
            for (int c = channel; c < end; c++) {
                ScalarRecurrences.wkv2(data, offset, t, epsilon, c, first, last);
            }
        }
    }

    private final class Wkv4 extends ChannelTask {
        @Override
        void channels(MemorySegment data, long offset, int channel, int end, int first, int last, Kernels.Scratch own) {
            kernels.wkv4(data, offset, t, channel, end, first, last, own);
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Wkv6 implements WorkerPool.Task {
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
            kernels.wkv6(
                    data,
                    offset,
                    head,
                    headSize,
                    t,
                    batch.firstRow(session),
                    batch.firstRow(session + 1),
                    scratch[worker]);
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class HeadNorm extends Rows.RowTask {
        int headSize;
        CpuBuffer o;
        Norm norm;

        @Nullable
        CpuBuffer g;

        @Override
        void row(int row) {
            MemorySegment data = o.data();
            long start = o.offset(row);
            kernels.normalise(data, start, data, start, o.width() / headSize, headSize, norm);
            CpuBuffer gate = g;
            if (gate != null) {
                for (long at = start; at < start + 4L * o.width(); at += 4) {
                    data.set(FLOAT, at, data.get(FLOAT, at) * gate.data().get(FLOAT, at));
                }
            }
        }
    }
}
