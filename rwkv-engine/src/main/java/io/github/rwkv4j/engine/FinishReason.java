package io.github.rwkv4j.engine;

/** Why a generation ended. */
public enum FinishReason {
    /** The model ended the text, or a stop sequence came. */
    STOP,
    /** The maximum number of tokens was reached. */
    LENGTH,
    /** The caller cancelled. */
    CANCELLED
}
