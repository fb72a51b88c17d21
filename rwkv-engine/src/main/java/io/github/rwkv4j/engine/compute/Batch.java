package io.github.rwkv4j.engine.compute;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one step: one row per token, consecutive rows of a session in the order of its text, any mix of sessions.
 * Filled anew for each step without allocating.
 */
public final class Batch {
    private final int[] tokens;
    private final @Nullable State[] states;
    private final int[] firstRows;
    private final int[] logitRows;
    private final int[] featureRows;
    private int sessions;
    private int logits;
    private int features;

    /**
     * @param maxRows most tokens in a step
     * @param maxSessions most sessions in a step
     * @param maxLogits most rows whose logits may be asked for
     */
    public Batch(int maxRows, int maxSessions, int maxLogits) {
        tokens = new int[maxRows];
        states = new State[maxSessions];
        firstRows = new int[maxSessions + 1];
        logitRows = new int[maxLogits];
        featureRows = new int[maxRows];
    }

    /** Forgets all rows. */
    public void clear() {
        Arrays.fill(states, 0, sessions, null);
        sessions = 0;
        logits = 0;
        features = 0;
    }

    /**
     * Adds {@code count} tokens of one session; a session is added at most once.
     *
     * @return the first of its rows
     */
    public int add(State state, int[] source, int from, int count) {
        int row = rows();
        System.arraycopy(source, from, tokens, row, count);
        states[sessions] = state;
        firstRows[++sessions] = row + count;
        return row;
    }

    /** Asks for the logits of {@code row}; returns which row of the logits they will be. */
    public int wantLogits(int row) {
        logitRows[logits] = row;
        return logits++;
    }

    /** Asks for the output of the last layer norm at {@code row}; returns which row of the features it will be. */
    public int wantFeatures(int row) {
        featureRows[features] = row;
        return features++;
    }

    public int rows() {
        return firstRows[sessions];
    }

    public int freeRows() {
        return tokens.length - rows();
    }

    public int freeLogits() {
        return logitRows.length - logits;
    }

    public int token(int row) {
        return tokens[row];
    }

    public int sessions() {
        return sessions;
    }

    public State state(int session) {
        State state = states[session];
        if (state == null) {
            throw new IndexOutOfBoundsException(session);
        }
        return state;
    }

    /** First row of a session; its last is one before the next session's first. */
    public int firstRow(int session) {
        return firstRows[session];
    }

    /** Rows whose logits are wanted, the first {@link #logitCount()} of the array. */
    public int[] logitRows() {
        return logitRows;
    }

    public int logitCount() {
        return logits;
    }

    /** Rows whose features are wanted, the first {@link #featureCount()} of the array. */
    public int[] featureRows() {
        return featureRows;
    }

    public int featureCount() {
        return features;
    }
}
