package io.github.rwkv4j.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import io.github.rwkv4j.engine.Generation;
import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.Rwkv;

/** Waiting for a generation. */
final class Generations {
    private Generations() {}

    /**
     * @throws LangChain4jException if the thread is interrupted: the generation is cancelled, and the thread is
     *     interrupted still
     */
    static GenerationResult await(Rwkv engine, GenerationRequest request) {
        Generation generation = engine.generate(request, text -> {});
        try {
            return generation.await();
        } catch (InterruptedException e) {
            generation.cancel();
            Thread.currentThread().interrupt();
            throw new LangChain4jException("The thread that waited for the answer was interrupted: it is cancelled", e);
        }
    }
}
