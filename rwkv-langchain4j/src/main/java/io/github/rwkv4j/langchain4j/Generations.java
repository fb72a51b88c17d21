package io.github.rwkv4j.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import io.github.rwkv4j.engine.FinishReason;
import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.Rwkv;

/** Waiting for a generation. */
final class Generations {
    private Generations() {}

    /**
     * The result of a generation that nobody can cancel but who interrupts the waiting thread.
     *
     * @throws LangChain4jException if the thread was interrupted, as it then still is
     */
    static GenerationResult await(Rwkv engine, GenerationRequest request) {
        GenerationResult result = engine.generate(request);
        if (result.finishReason() == FinishReason.CANCELLED) {
            throw new LangChain4jException(
                    "The thread that waited for the answer was interrupted, which cancelled the generation");
        }
        return result;
    }
}
