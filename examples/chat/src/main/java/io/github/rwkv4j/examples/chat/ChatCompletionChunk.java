package io.github.rwkv4j.examples.chat;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/** A piece of a streamed answer. */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record ChatCompletionChunk(
        String id,
        String object,
        long created,
        String model,
        List<Choice> choices,
        @JsonInclude(JsonInclude.Include.NON_NULL) ChatCompletion.@Nullable Usage usage) {

    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Choice(int index, Delta delta, @Nullable String finishReason) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Delta(@Nullable String role, @Nullable String content) {}

    static ChatCompletionChunk start(Completion completion) {
        return chunk(completion, new Choice(0, new Delta("assistant", ""), null));
    }

    static ChatCompletionChunk text(Completion completion, String text) {
        return chunk(completion, new Choice(0, new Delta(null, text), null));
    }

    static ChatCompletionChunk end(Completion completion, ChatResponse response) {
        return chunk(completion, new Choice(0, new Delta(null, null), ChatCompletion.finishReason(response)));
    }

    /** The last chunk where the client asked for the counts: it has no choice. */
    static ChatCompletionChunk usage(Completion completion, ChatResponse response) {
        return new ChatCompletionChunk(
                completion.id(),
                "chat.completion.chunk",
                completion.created(),
                completion.model(),
                List.of(),
                ChatCompletion.Usage.of(response));
    }

    private static ChatCompletionChunk chunk(Completion completion, Choice choice) {
        return new ChatCompletionChunk(
                completion.id(),
                "chat.completion.chunk",
                completion.created(),
                completion.model(),
                List.of(choice),
                null);
    }
}
