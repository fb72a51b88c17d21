package io.github.rwkv4j.engine.errors;

/** A vocabulary is missing, damaged, or does not fit the model. */
public class VocabularyException extends RwkvException {
    private static final long serialVersionUID = 1L;

    public VocabularyException(String message) {
        super(message);
    }

    public VocabularyException(String message, Throwable cause) {
        super(message, cause);
    }
}
