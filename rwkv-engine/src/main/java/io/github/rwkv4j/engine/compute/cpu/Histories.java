package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.Windows;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import java.lang.foreign.MemorySegment;

/** The operations that read positions of the past one by one: the time mixing of RWKV-1 and the copy head. */
final class Histories {
    private final WorkerPool pool;
    private final Wkv1 wkv1 = new Wkv1();
    private final CopyHead copyHead = new CopyHead();

    /** The operands of {@link #wkv1}; it has neither decay nor bonus. */
    final CpuRkv t = new CpuRkv();

    Histories(WorkerPool pool) {
        this.pool = pool;
    }

    void wkv1(Batch batch, StateLayout.Part sums, int column, Windows windows) {
        wkv1.time_w = (CpuBuffer) windows.time_w();
        wkv1.time_alpha = (CpuBuffer) windows.time_alpha();
        wkv1.time_beta = (CpuBuffer) windows.time_beta();
        wkv1.heads = wkv1.time_w.rows();
        for (int session = 0; session < batch.sessions(); session++) {
            CpuState state = (CpuState) batch.state(session);
            int count = batch.firstRow(session + 1) - batch.firstRow(session);
            requirePositions(state, count, wkv1.time_w.width());
            state.reserve(count);
        }
        wkv1.batch = batch;
        wkv1.sums = sums;
        wkv1.column = column;
        pool.run(wkv1, batch.sessions() * wkv1.heads);
    }

    /** The model's caller knows this limit; going past it here would read what is not there. */
    private static void requirePositions(CpuState state, int count, int most) {
        if (state.position() + count > most) {
            throw new InvalidRequestException("%d tokens after %d are more than the context length of %d"
                    .formatted(count, state.position(), most));
        }
    }

    void scaleByPosition(Batch batch, CpuBuffer table, CpuBuffer x) {
        for (int session = 0; session < batch.sessions(); session++) {
            int position = ((CpuState) batch.state(session)).position();
            for (int row = batch.firstRow(session); row < batch.firstRow(session + 1); row++, position++) {
                float scale = table.get(0, position);
                for (int i = 0; i < x.width(); i++) {
                    x.set(row, i, x.get(row, i) * scale);
                }
            }
        }
    }

    void copyHead(Batch batch, int column, CpuBuffer keys, CpuBuffer queries, CpuBuffer logits) {
        for (int session = 0; session < batch.sessions(); session++) {
            int count = batch.firstRow(session + 1) - batch.firstRow(session);
            ((CpuState) batch.state(session)).reserve(count);
        }
        copyHead.batch = batch;
        copyHead.column = column;
        copyHead.keys = keys;
        copyHead.queries = queries;
        copyHead.logits = logits;
        pool.run(copyHead, batch.sessions());
    }

    /** One head of one session. */
    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private final class Wkv1 implements WorkerPool.Task {
        Batch batch;
        StateLayout.Part sums;
        int column;
        int heads;
        CpuBuffer time_w;
        CpuBuffer time_alpha;
        CpuBuffer time_beta;

        @Override
        public void run(int unit, int worker) {
            int session = unit / heads;
            int head = unit % heads;
            int size = t.out.width() / heads;
            CpuState state = (CpuState) batch.state(session);
            int position = state.position();
            for (int row = batch.firstRow(session); row < batch.firstRow(session + 1); row++, position++) {
                remember(state, row, position, head * size, size);
                read(state, row, position, head, size);
            }
        }

        /** Adds the keys to the sums, and k · v to the history. */
        private void remember(CpuState state, int row, int position, int start, int size) {
            long history = state.historyRow(position) + 4L * column;
            for (int c = start; c < start + size; c++) {
                float k = ScalarKernels.exp(Math.min(Math.max(t.k.get(row, c), -60), 30));
                long sum = 4L * (sums.offset() + c);
                state.data().set(FLOAT, sum, state.data().get(FLOAT, sum) + k);
                state.data().set(FLOAT, history + 4L * c, k * t.v.get(row, c));
            }
        }

        private void read(CpuState state, int row, int position, int head, int size) {
            MemorySegment data = state.data();
            MemorySegment out = t.out.data();
            long to = t.out.offset(row) + 4L * head * size;
            for (int c = 0; c < size; c++) {
                out.set(FLOAT, to + 4L * c, 0);
            }
            float beta = time_beta.get(head, position);
            int latest = time_w.width() - 1;
            for (int u = 0; u <= position; u++) {
                float weight = time_w.get(head, latest - (position - u)) * time_alpha.get(head, u) * beta;
                long kv = state.historyRow(u) + 4L * (column + head * size);
                for (int c = 0; c < size; c++) {
                    float sum = out.get(FLOAT, to + 4L * c);
                    out.set(FLOAT, to + 4L * c, Math.fma(weight, data.get(FLOAT, kv + 4L * c), sum));
                }
            }
            for (int c = 0; c < size; c++) {
                int channel = head * size + c;
                float wkv = out.get(FLOAT, to + 4L * c) / data.get(FLOAT, 4L * (sums.offset() + channel));
                out.set(FLOAT, to + 4L * c, t.r.get(row, channel) * wkv);
            }
        }
    }

    /** One session: a row reads what the rows before it left, and a window forgets while it moves. */
    @SuppressWarnings("NullAway.Init") // operands are set before each run
    private static final class CopyHead implements WorkerPool.Task {
        Batch batch;
        int column;
        CpuBuffer keys;
        CpuBuffer queries;
        CpuBuffer logits;

        @Override
        public void run(int session, int worker) {
            CpuState state = (CpuState) batch.state(session);
            int width = keys.width();
            for (int row = batch.firstRow(session); row < batch.firstRow(session + 1); row++) {
                long history = state.historyRow(state.position()) + 4L * column;
                MemorySegment.copy(keys.data(), keys.offset(row), state.data(), history, 4L * width);
                state.data().set(FLOAT, history + 4L * width, batch.token(row));
                state.advance();
                for (int i = 0; i < batch.logitCount(); i++) {
                    if (batch.logitRows()[i] == row) {
                        addTo(i, state, width);
                    }
                }
            }
        }

        private void addTo(int logitRow, CpuState state, int width) {
            for (int u = 0; u < state.historyRows(); u++) {
                long key = state.historyRow(u) + 4L * column;
                int token = (int) state.data().get(FLOAT, key + 4L * width);
                float copy = dot(queries.data(), queries.offset(logitRow), state.data(), key, width) / width;
                logits.set(logitRow, token, logits.get(logitRow, token) + copy);
            }
        }

        /** In four partial sums, added in a fixed order. */
        private static float dot(MemorySegment x, long xAt, MemorySegment y, long yAt, int n) {
            float a = 0;
            float b = 0;
            float c = 0;
            float d = 0;
            int i = 0;
            for (; i + 4 <= n; i += 4) {
                long at = 4L * i;
                a = Math.fma(x.get(FLOAT, xAt + at), y.get(FLOAT, yAt + at), a);
                b = Math.fma(x.get(FLOAT, xAt + at + 4), y.get(FLOAT, yAt + at + 4), b);
                c = Math.fma(x.get(FLOAT, xAt + at + 8), y.get(FLOAT, yAt + at + 8), c);
                d = Math.fma(x.get(FLOAT, xAt + at + 12), y.get(FLOAT, yAt + at + 12), d);
            }
            for (; i < n; i++) {
                a = Math.fma(x.get(FLOAT, xAt + 4L * i), y.get(FLOAT, yAt + 4L * i), a);
            }
            return (a + b) + (c + d);
        }
    }
}
