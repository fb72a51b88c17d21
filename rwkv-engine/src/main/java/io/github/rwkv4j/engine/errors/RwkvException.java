package io.github.rwkv4j.engine.errors;

/** Anything that goes wrong inside the engine; the subclasses say whose fault it is. */
public class RwkvException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public RwkvException(String message) {
        super(message);
    }

    public RwkvException(String message, Throwable cause) {
        super(message, cause);
    }
}
