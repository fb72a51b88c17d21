package io.github.rwkv4j.langchain4j;

import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import io.github.rwkv4j.engine.GenerationResult;

/** The parts of a generation's result in LangChain4j's types. */
final class Responses {
    private Responses() {}

    static TokenUsage tokenUsage(GenerationResult result) {
        return new TokenUsage(result.promptTokens(), result.tokens().length);
    }

    static FinishReason finishReason(GenerationResult result) {
        return switch (result.finishReason()) {
            case STOP -> FinishReason.STOP;
            case LENGTH -> FinishReason.LENGTH;
            case CANCELLED -> FinishReason.OTHER;
        };
    }

    static Response<String> completion(String text, GenerationResult result) {
        return Response.from(text, tokenUsage(result), finishReason(result));
    }
}
