package io.github.rwkv4j.engine.errors;

/** A request asks for something impossible, such as a negative temperature. */
public class InvalidRequestException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public InvalidRequestException(String message) {
        super(message);
    }

    public InvalidRequestException(String message, Throwable cause) {
        super(message, cause);
    }
}
