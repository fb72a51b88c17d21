package io.github.rwkv4j.engine.compute;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The parts of a state, one after the other: float32, all zero at the start. A model declares it once. */
public final class StateLayout {
    /**
     * One part of a state.
     *
     * @param name such as {@code blocks.3.att.shift}
     * @param offset its first number within the state
     * @param size how many numbers it has
     */
    public record Part(String name, int offset, int size) {}

    private final List<Part> parts = new ArrayList<>();
    private int size;

    /** Adds a vector, such as the row before the next one that a token shift needs. */
    public Part vector(String name, int width) {
        return add(name, width);
    }

    /** Adds a matrix per head, [heads, head size (key), head size (value)], as every {@code wkv} operation keeps it. */
    public Part matrices(String name, int heads, int headSize) {
        return add(name, heads * headSize * headSize);
    }

    private Part add(String name, int partSize) {
        Part part = new Part(name, size, partSize);
        parts.add(part);
        size = Math.addExact(size, partSize);
        return part;
    }

    public List<Part> parts() {
        return Collections.unmodifiableList(parts);
    }

    /** Total size in float32 numbers. */
    public int size() {
        return size;
    }

    /** Total size in bytes. */
    public long bytes() {
        return 4L * size;
    }
}
