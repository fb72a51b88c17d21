package io.github.rwkv4j.engine.state;

import java.util.Arrays;
import java.util.OptionalInt;

/** A session's past at one moment, immutable: what a session of the same model continues from. */
public final class Snapshot {
    private final String model;
    private final long position;
    private final OptionalInt unfed;
    private final String history;
    private final float[] state;
    private final byte[] note;

    /**
     * @param model fingerprint of the model that it belongs to; 64 hexadecimal digits
     * @param position number of tokens in the past
     * @param unfed the last of them, if the state has not seen it yet
     * @param history hash of the past ({@link TokenHistory}); 64 hexadecimal digits
     * @param state the numbers of the state, laid out as the model declares it
     * @param note what a layer above wants to find again with it
     */
    public Snapshot(String model, long position, OptionalInt unfed, String history, float[] state, byte[] note) {
        this.model = model;
        this.position = position;
        this.unfed = unfed;
        this.history = history;
        this.state = Arrays.copyOf(state, state.length);
        this.note = Arrays.copyOf(note, note.length);
    }

    public String model() {
        return model;
    }

    public long position() {
        return position;
    }

    public OptionalInt unfed() {
        return unfed;
    }

    public String history() {
        return history;
    }

    /** A copy of the state's numbers. */
    public float[] state() {
        return Arrays.copyOf(state, state.length);
    }

    public byte[] note() {
        return Arrays.copyOf(note, note.length);
    }

    /** The same past with another note. */
    public Snapshot withNote(byte[] other) {
        return new Snapshot(model, position, unfed, history, state, other);
    }
}
