package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.errors.RwkvException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A state in native memory of its own, freed by {@link #close()}: the layout's parts, then the history's rows. */
final class CpuState implements State {
    /** As far as float32 counts exactly. */
    private static final int MOST_POSITIONS = 1 << 24;

    private final StateLayout layout;
    private Arena arena = Arena.ofShared();
    private MemorySegment data;

    CpuState(StateLayout layout) {
        this.layout = layout;
        this.data = arena.allocate(layout.bytes(), 64);
        for (StateLayout.Start start : layout.starts()) {
            MemorySegment.copy(start.values(), 0, data, FLOAT, 4L * start.part().offset(), start.values().length);
        }
    }

    @Override
    public StateLayout layout() {
        return layout;
    }

    @Override
    public int size() {
        return layout.size() + (layout.historyWidth() == 0 ? 0 : historyRows() * layout.historyWidth());
    }

    MemorySegment data() {
        return data;
    }

    /** Positions fed so far; beyond a window what {@link StateLayout} says. */
    int position() {
        return (int) data.get(FLOAT, 0);
    }

    /** Rows that the history holds. */
    int historyRows() {
        return layout.window() == 0 ? position() : Math.min(position(), layout.window());
    }

    /** Where the history's row of a position begins, in bytes. */
    long historyRow(int position) {
        int row = layout.window() == 0 ? position : position % layout.window();
        return layout.bytes() + 4L * row * layout.historyWidth();
    }

    /** Counts one position more. */
    void advance() {
        int next = position() + 1;
        data.set(FLOAT, 0, layout.window() > 0 && next == 2 * layout.window() ? layout.window() : next);
    }

    /** Makes room for the history's rows of {@code count} further positions. */
    void reserve(int count) {
        int rows = position() + count;
        if (layout.window() > 0) {
            rows = Math.min(rows, layout.window());
        }
        long numbers = layout.size() + (long) rows * layout.historyWidth();
        if (rows > MOST_POSITIONS || numbers > Integer.MAX_VALUE) {
            throw new RwkvException(
                    "The state remembers %d positions of its past, and %d more are too many: open the model with a copyWindow"
                            .formatted(historyRows(), count));
        }
        reserveBytes(Float.BYTES * numbers);
    }

    private void reserveBytes(long bytes) {
        if (bytes > data.byteSize()) {
            Arena larger = Arena.ofShared();
            MemorySegment moved = larger.allocate(Math.max(bytes, 2 * data.byteSize()), 64);
            MemorySegment.copy(data, 0, moved, 0, data.byteSize());
            arena.close();
            arena = larger;
            data = moved;
        }
    }

    void write(int offset, float[] values) {
        if (layout.historyWidth() > 0) {
            reserveBytes(4L * offset + 4L * values.length);
        }
        MemorySegment.copy(values, 0, data, FLOAT, 4L * offset, values.length);
    }

    void copyFrom(CpuState source) {
        long bytes = 4L * source.size();
        reserveBytes(bytes);
        MemorySegment.copy(source.data, 0, data, 0, bytes);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
