package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A state in native memory of its own, freed by {@link #close()}. */
final class CpuState implements State {
    private final StateLayout layout;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment data;

    CpuState(StateLayout layout) {
        this.layout = layout;
        this.data = arena.allocate(layout.bytes(), 64);
    }

    @Override
    public StateLayout layout() {
        return layout;
    }

    MemorySegment data() {
        return data;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
