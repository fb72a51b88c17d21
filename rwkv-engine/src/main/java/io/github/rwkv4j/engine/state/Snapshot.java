package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.SnapshotException;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** A session's past at one moment, immutable: what a session of the same model continues from. */
public final class Snapshot {
    private static final Pattern HASH = Pattern.compile("[0-9a-f]{64}");
    private static final int EXPONENT = 0x7f800000;

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
     * @throws SnapshotException if the hashes or the position can't be, or the state has infinite or undefined numbers
     */
    public Snapshot(String model, long position, OptionalInt unfed, String history, float[] state, byte[] note) {
        if (!HASH.matcher(model).matches() || !HASH.matcher(history).matches()) {
            throw new SnapshotException(
                    "A snapshot's model and history are 64 hexadecimal digits each, not '%s' and '%s'"
                            .formatted(model, history));
        }
        if (position < (unfed.isPresent() ? 1 : 0) || unfed.orElse(0) < 0) {
            throw new SnapshotException("The snapshot is damaged: it tells of position %d and token %d"
                    .formatted(position, unfed.orElse(0)));
        }
        if (!areFinite(state)) {
            throw new SnapshotException(
                    "The state has infinite or undefined numbers: nothing can be continued from it");
        }
        this.model = model;
        this.position = position;
        this.unfed = unfed;
        this.history = history;
        this.state = Arrays.copyOf(state, state.length);
        this.note = Arrays.copyOf(note, note.length);
    }

    /** The past of another, checked and copied when that was made, with a note of its own. */
    private Snapshot(Snapshot other, byte[] note) {
        this.model = other.model;
        this.position = other.position;
        this.unfed = other.unfed;
        this.history = other.history;
        this.state = other.state;
        this.note = Arrays.copyOf(note, note.length);
    }

    /** Written so that it becomes vector instructions. */
    private static boolean areFinite(float[] numbers) {
        int largest = 0;
        for (float number : numbers) {
            largest = Math.max(largest, Float.floatToRawIntBits(number) & EXPONENT);
        }
        return largest < EXPONENT;
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

    /** The state's numbers, not to be changed. */
    float[] numbers() {
        return state;
    }

    public byte[] note() {
        return Arrays.copyOf(note, note.length);
    }

    /** The same past with another note. */
    public Snapshot withNote(byte[] other) {
        return new Snapshot(this, other);
    }
}
