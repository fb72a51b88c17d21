package io.github.rwkv4j.langchain4j;

import dev.langchain4j.exception.LangChain4jException;
import io.github.rwkv4j.engine.FinishReason;
import io.github.rwkv4j.engine.GenerationResult;

/** The end of a generation that nobody can cancel but who interrupts the waiting thread. */
final class Generations {
    static final String INTERRUPTED =
            "The thread that waited for the answer was interrupted, which cancelled the generation";

    private Generations() {}

    /** @throws LangChain4jException if the thread was interrupted, as it then still is */
    static GenerationResult finished(GenerationResult result) {
        if (result.finishReason() == FinishReason.CANCELLED) {
            throw new LangChain4jException(INTERRUPTED);
        }
        return result;
    }
}
