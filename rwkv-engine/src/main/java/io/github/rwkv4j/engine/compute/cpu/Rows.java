package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.StateLayout;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The operations that treat each row by itself, spread over the workers when there are many rows. */
final class Rows {
    private static final int ROWS_IN_UNIT = 8;

    private final Kernels kernels;
    private final WorkerPool pool;
    private final LayerNorm layerNorm = new LayerNorm();
    private final TokenShift tokenShift = new TokenShift();
    private final Interpolation interpolation = new Interpolation();
    private final Addition addition = new Addition();

    Rows(Kernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
    }

    void layerNorm(int count, CpuBuffer in, Norm norm, CpuBuffer out) {
        layerNorm.in = in;
        layerNorm.norm = norm;
        layerNorm.out = out;
        layerNorm.run(pool, count);
    }

    void tokenShift(Batch batch, StateLayout.Part shift, CpuBuffer y, CpuBuffer amounts, Buffer[] out) {
        tokenShift.batch = batch;
        tokenShift.shift = shift;
        tokenShift.y = y;
        tokenShift.amounts = amounts;
        tokenShift.out = out;
        tokenShift.run(pool, batch.rows());
        for (int session = 0; session < batch.sessions(); session++) {
            int last = batch.firstRow(session + 1) - 1;
            MemorySegment state = ((CpuState) batch.state(session)).data();
            MemorySegment.copy(y.data(), y.offset(last), state, 4L * shift.offset(), 4L * shift.size());
        }
    }

    void interpolate(int count, CpuBuffer from, CpuBuffer to, CpuBuffer amount) {
        interpolation.from = from;
        interpolation.to = to;
        interpolation.amount = amount;
        interpolation.run(pool, count);
    }

    void add(int count, CpuBuffer x, CpuBuffer y) {
        addition.x = x;
        addition.y = y;
        addition.run(pool, count);
    }

    /** One operation, kept with its operands so that running it allocates nothing. */
    abstract static class RowTask implements WorkerPool.Task {
        private int count;

        final void run(WorkerPool pool, int rows) {
            count = rows;
            pool.run(this, Math.ceilDiv(rows, ROWS_IN_UNIT));
        }

        @Override
        public final void run(int unit, int worker) {
            int last = Math.min(count, (unit + 1) * ROWS_IN_UNIT);
            for (int row = unit * ROWS_IN_UNIT; row < last; row++) {
                row(row);
            }
        }

        abstract void row(int row);
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class LayerNorm extends RowTask {
        CpuBuffer in;
        Norm norm;
        CpuBuffer out;

        @Override
        void row(int row) {
            kernels.normalise(in.data(), in.offset(row), out.data(), out.offset(row), 1, in.width(), norm);
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class TokenShift extends RowTask {
        Batch batch;
        StateLayout.Part shift;
        CpuBuffer y;
        CpuBuffer amounts;
        Buffer[] out;

        @Override
        void row(int row) {
            MemorySegment previous = y.data();
            long from = row == 0 ? 0 : y.offset(row - 1);
            @Nullable CpuState state = stateBefore(row);
            if (state != null) {
                previous = state.data();
                from = 4L * shift.offset();
            }
            long current = y.offset(row);
            for (int mix = 0; mix < out.length; mix++) {
                CpuBuffer target = (CpuBuffer) out[mix];
                kernels.shift(
                        y.data(),
                        current,
                        previous,
                        from,
                        amounts.data(),
                        amounts.offset(mix),
                        target.data(),
                        target.offset(row),
                        y.width());
            }
        }

        /** The state that holds the row before, for a session's first row. */
        private @Nullable CpuState stateBefore(int row) {
            for (int session = 0; session < batch.sessions(); session++) {
                if (batch.firstRow(session) == row) {
                    return (CpuState) batch.state(session);
                }
            }
            return null;
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Interpolation extends RowTask {
        CpuBuffer from;
        CpuBuffer to;
        CpuBuffer amount;

        @Override
        void row(int row) {
            MemorySegment x = from.data();
            long at = from.offset(row);
            kernels.shift(x, at, to.data(), at, amount.data(), at, x, at, from.width());
        }
    }

    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Addition extends RowTask {
        CpuBuffer x;
        CpuBuffer y;

        @Override
        void row(int row) {
            long end = x.offset(row) + 4L * x.width();
            for (long at = x.offset(row); at < end; at += 4) {
                x.data().set(FLOAT, at, x.data().get(FLOAT, at) + y.data().get(FLOAT, at));
            }
        }
    }
}
