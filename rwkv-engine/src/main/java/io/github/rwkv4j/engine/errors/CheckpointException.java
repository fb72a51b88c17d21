package io.github.rwkv4j.engine.errors;

/** A model file is damaged, hostile, or of a kind that this engine does not run. */
public class CheckpointException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public CheckpointException(String message) {
        super(message);
    }

    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
