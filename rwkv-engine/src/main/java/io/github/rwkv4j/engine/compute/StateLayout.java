package io.github.rwkv4j.engine.compute;

import io.github.rwkv4j.engine.errors.CheckpointException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The parts of a state, one after the other, in float32. A model declares it once.
 *
 * <p>The oldest generations also need a <b>history</b> behind the parts: one row for each position of the past, so that the
 * state grows, or a window of the last positions. Its first part is then the number of positions; once a window is full, the
 * number goes round from twice the window to the window, and the row of a position is its remainder by the window.
 */
public final class StateLayout {
    /**
     * One part of a state.
     *
     * @param name such as {@code blocks.3.att.shift}
     * @param offset its first number within the state
     * @param size how many numbers it has
     */
    public record Part(String name, int offset, int size) {}

    /** What a part holds before the first token; zeros where none is declared. */
    public record Start(Part part, float[] values) {}

    private final List<Part> parts = new ArrayList<>();
    private final List<Start> starts = new ArrayList<>();
    private int size;
    private int historyWidth;
    private int window;

    /** Adds a vector, such as the row before the next one that a token shift needs. */
    public Part vector(String name, int width) {
        return add(name, width);
    }

    /** Adds a matrix per head, [heads, head size (key), head size (value)], as every {@code wkv} operation keeps it. */
    public Part matrices(String name, int heads, int headSize) {
        return add(name, (long) heads * headSize * headSize);
    }

    /** Declares what a part holds before the first token. */
    public void startsWith(Part part, float[] values) {
        if (values.length != part.size()) {
            throw new IllegalArgumentException("%d numbers for %s".formatted(values.length, part));
        }
        starts.add(new Start(part, values));
    }

    /**
     * Adds a row of {@code width} numbers for each position of the past. The first thing to be declared.
     *
     * @param window how many of the last positions are kept; 0 keeps all
     */
    public void history(int width, int window) {
        if (size > 0) {
            throw new IllegalStateException("The history is declared before the parts");
        }
        add("position", 1);
        this.historyWidth = width;
        this.window = window;
    }

    private Part add(String name, long partSize) {
        if (size + partSize > Integer.MAX_VALUE / Float.BYTES) {
            throw new CheckpointException(
                    "A state would have more than %d numbers: this is no network that the engine can run"
                            .formatted(size));
        }
        Part part = new Part(name, size, (int) partSize);
        parts.add(part);
        size += part.size();
        return part;
    }

    public List<Part> parts() {
        return Collections.unmodifiableList(parts);
    }

    public List<Start> starts() {
        return Collections.unmodifiableList(starts);
    }

    /** Size of the parts in float32 numbers, without the history. */
    public int size() {
        return size;
    }

    /** Size of the parts in bytes, without the history. */
    public long bytes() {
        return 4L * size;
    }

    /** Numbers of a position's row in the history; 0 where there is none. */
    public int historyWidth() {
        return historyWidth;
    }

    /** How many of the last positions the history keeps; 0 is all. */
    public int window() {
        return window;
    }
}
