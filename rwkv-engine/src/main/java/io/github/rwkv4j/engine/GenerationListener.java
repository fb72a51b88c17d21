package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.errors.RwkvException;

/**
 * Follows one generation. Calls come in order, one at a time, on a virtual thread of this generation's own: a slow
 * listener slows down nobody else. Exactly one of {@link #onComplete} and {@link #onError} ends them.
 */
public interface GenerationListener {
    /** New text: whole characters, and never the beginning of what may still become a stop sequence. */
    void onText(String text);

    /** The end, also after a cancel. */
    default void onComplete(GenerationResult result) {}

    /** The end, when the engine failed or was closed, or when {@link #onText} threw an exception (then its cause). */
    default void onError(RwkvException error) {}
}
