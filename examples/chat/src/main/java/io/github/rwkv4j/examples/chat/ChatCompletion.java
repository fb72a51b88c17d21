package io.github.rwkv4j.examples.chat;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import io.github.rwkv4j.langchain4j.RwkvChatResponseMetadata;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/** A whole answer. */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record ChatCompletion(String id, String object, long created, String model, List<Choice> choices, Usage usage) {

    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Choice(int index, Message message, String finishReason) {}

    record Message(String role, String content) {}

    /**
     * Counts of tokens, those of the prompt being the whole conversation so far, of which a state has saved some; and,
     * which OpenAI's has not, how many were generated per second.
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Usage(
            int promptTokens,
            PromptTokensDetails promptTokensDetails,
            int completionTokens,
            int totalTokens,
            double tokensPerSecond) {
        static Usage of(ChatResponse response) {
            TokenUsage usage = response.tokenUsage();
            RwkvChatResponseMetadata metadata = (RwkvChatResponseMetadata) response.metadata();
            return new Usage(
                    usage.inputTokenCount(),
                    new PromptTokensDetails(metadata.cachedPromptTokens()),
                    usage.outputTokenCount(),
                    usage.totalTokenCount(),
                    metadata.tokensPerSecond());
        }
    }

    /** @param cachedTokens how many tokens of the prompt were not read again, because a state remembers them */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record PromptTokensDetails(int cachedTokens) {}

    static ChatCompletion of(Completion completion, ChatResponse response) {
        String text = Objects.requireNonNullElse(response.aiMessage().text(), "");
        Choice choice = new Choice(0, new Message("assistant", text), finishReason(response));
        return new ChatCompletion(
                completion.id(),
                "chat.completion",
                completion.created(),
                completion.model(),
                List.of(choice),
                Usage.of(response));
    }

    static String finishReason(ChatResponse response) {
        return response.finishReason() == FinishReason.LENGTH ? "length" : "stop";
    }
}
