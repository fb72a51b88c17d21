package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.StateLayout;
import java.lang.foreign.MemorySegment;

/** Both token shifts of RWKV-6: the first only looks at the state, the second has amounts of its own for each row. */
@SuppressWarnings("NullAway.Init") // operands are set before each run
final class DynamicShift extends Rows.RowTask {
    private final Kernels kernels;
    private final WorkerPool pool;
    private final Buffer[] oneOut = new Buffer[1];
    private final Buffer[] oneAmount = new Buffer[1];
    private Batch batch;
    private StateLayout.Part shift;
    private CpuBuffer y;
    private Buffer[] amounts;
    private Buffer[] out;
    private boolean fixed;

    DynamicShift(Kernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
    }

    void peek(Batch rows, StateLayout.Part part, CpuBuffer in, Buffer amount, Buffer output) {
        oneAmount[0] = amount;
        oneOut[0] = output;
        fixed = true;
        mix(rows, part, in, oneAmount, oneOut);
    }

    void shift(Batch rows, StateLayout.Part part, CpuBuffer in, Buffer[] amountsOfRows, Buffer[] outputs) {
        fixed = false;
        mix(rows, part, in, amountsOfRows, outputs);
        for (int session = 0; session < rows.sessions(); session++) {
            int last = rows.firstRow(session + 1) - 1;
            MemorySegment state = ((CpuState) rows.state(session)).data();
            MemorySegment.copy(in.data(), in.offset(last), state, 4L * part.offset(), 4L * part.size());
        }
    }

    private void mix(Batch rows, StateLayout.Part part, CpuBuffer in, Buffer[] amountsOfOut, Buffer[] outputs) {
        batch = rows;
        shift = part;
        y = in;
        amounts = amountsOfOut;
        out = outputs;
        run(pool, rows.rows());
    }

    @Override
    void row(int row) {
        MemorySegment previous = y.data();
        long from = row == 0 ? 0 : y.offset(row - 1);
        for (int session = 0; session < batch.sessions(); session++) {
            if (batch.firstRow(session) == row) {
                previous = ((CpuState) batch.state(session)).data();
                from = 4L * shift.offset();
            }
        }
        long current = y.offset(row);
        for (int mix = 0; mix < out.length; mix++) {
            CpuBuffer amount = (CpuBuffer) amounts[mix];
            long amountAt = fixed ? 0 : amount.offset(row);
            MemorySegment target = ((CpuBuffer) out[mix]).data();
            kernels.shift(y.data(), current, previous, from, amount.data(), amountAt, target, current, y.width());
        }
    }
}
