package io.github.rwkv4j.engine.errors;

/** The queue of waiting requests is full; the same request may succeed later. */
public class OverloadedException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public OverloadedException(String message) {
        super(message);
    }

    public OverloadedException(String message, Throwable cause) {
        super(message, cause);
    }
}
