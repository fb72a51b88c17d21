package io.github.rwkv4j.engine.errors;

/** A store of states can't be reached, is full or damaged; what it holds is unchanged. */
public class StateStoreException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public StateStoreException(String message) {
        super(message);
    }

    public StateStoreException(String message, Throwable cause) {
        super(message, cause);
    }
}
