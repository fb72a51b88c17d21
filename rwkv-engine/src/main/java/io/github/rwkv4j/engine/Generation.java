package io.github.rwkv4j.engine;

/** A running generation. */
public interface Generation {
    /** Ends the generation at the next token; what was generated is its result. Idempotent. */
    void cancel();

    /**
     * Waits for the end.
     *
     * @throws io.github.rwkv4j.engine.errors.RwkvException what the generation failed with
     * @throws InterruptedException if the waiting thread is interrupted; the generation goes on
     */
    GenerationResult await() throws InterruptedException;
}
