package io.github.rwkv4j.engine.errors;

/** The model was closed while, or before, the request ran. */
public class ClosedException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public ClosedException(String message) {
        super(message);
    }

    public ClosedException(String message, Throwable cause) {
        super(message, cause);
    }
}
