package io.github.rwkv4j.engine.errors;

/** A snapshot of a state is damaged, of a newer format, sealed with another key, or belongs to another model. */
public class SnapshotException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public SnapshotException(String message) {
        super(message);
    }

    public SnapshotException(String message, Throwable cause) {
        super(message, cause);
    }
}
