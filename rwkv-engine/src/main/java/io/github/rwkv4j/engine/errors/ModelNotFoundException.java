package io.github.rwkv4j.engine.errors;

/** There is no model file where one was named. */
public class ModelNotFoundException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public ModelNotFoundException(String message) {
        super(message);
    }

    public ModelNotFoundException(String message, Throwable cause) {
        super(message, cause);
    }
}
