package io.github.rwkv4j.examples.chat;

import com.fasterxml.jackson.annotation.JsonFormat;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import io.github.rwkv4j.langchain4j.RwkvChatRequestParameters;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The body of {@code POST /v1/chat/completions}. What it can't do is named here too, so that it is refused in words
 * rather than ignored; anything else that clients send along is ignored.
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record ChatCompletionRequest(
        @Nullable String model,
        @Nullable List<Message> messages,
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer maxTokens,
        @Nullable Integer maxCompletionTokens,

        @Nullable @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> stop,

        @Nullable Long seed,
        @Nullable Double presencePenalty,
        @Nullable Double frequencyPenalty,
        @Nullable Map<Integer, Float> logitBias,
        @Nullable Boolean stream,
        @Nullable StreamOptions streamOptions,
        @Nullable Integer n,
        @Nullable Boolean logprobs,
        @Nullable Integer topLogprobs,
        @Nullable JsonNode tools,
        @Nullable JsonNode functions,
        @Nullable JsonNode responseFormat,
        @Nullable JsonNode audio) {

    /** One message; {@code content} is a text or a list of parts. */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Message(
            @Nullable String role,
            @Nullable JsonNode content,
            @Nullable JsonNode toolCalls) {

        ChatMessage toChatMessage() {
            if (toolCalls != null && !toolCalls.isEmpty()) {
                throw OpenAiException.invalid("messages", "Tool calls are not supported here");
            }
            return switch (role) {
                case "system", "developer" -> SystemMessage.from(textNotBlank());
                case "user" -> UserMessage.from(textNotBlank());
                case "assistant" -> AiMessage.from(text());
                case null -> throw OpenAiException.invalid("messages", "A message has no role");
                default ->
                    throw OpenAiException.invalid(
                            "messages",
                            "The role '%s' is not supported here: use system, developer, user or assistant"
                                    .formatted(role));
            };
        }

        private String textNotBlank() {
            String text = text();
            if (text.isBlank()) {
                throw OpenAiException.invalid("messages", "The message of the %s is empty".formatted(role));
            }
            return text;
        }

        private String text() {
            if (content != null && content.isString()) {
                return content.stringValue();
            }
            if (content != null && content.isArray()) {
                return content.valueStream().map(Message::text).collect(Collectors.joining());
            }
            throw OpenAiException.invalid(
                    "messages", "The content of a message must be a text or a list of text parts");
        }

        private static String text(JsonNode part) {
            String type = part.path("type").asString("");
            if (!type.equals("text") || !part.path("text").isString()) {
                throw OpenAiException.invalid(
                        "messages", "A part of type '%s' is not supported here: only text is".formatted(type));
            }
            return part.path("text").stringValue();
        }
    }

    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record StreamOptions(@Nullable Boolean includeUsage) {}

    boolean includesUsage() {
        return streamOptions != null && Boolean.TRUE.equals(streamOptions.includeUsage());
    }

    /**
     * What the model is asked.
     *
     * @param served name of the model that answers
     * @throws OpenAiException if the request is incomplete, or asks for what this endpoint doesn't do
     */
    ChatRequest toChatRequest(String served) {
        if (model == null) {
            throw OpenAiException.invalid("model", "Name the model; this server has '%s'".formatted(served));
        }
        if (!model.equals(served)) {
            throw OpenAiException.unknownModel(model, served);
        }
        refuseUnsupported();
        if (messages == null || messages.isEmpty() || messages.contains(null)) {
            throw OpenAiException.invalid("messages", "messages must be a list of at least one message");
        }
        return ChatRequest.builder()
                .messages(messages.stream().map(Message::toChatMessage).toList())
                .parameters(parameters())
                .build();
    }

    private void refuseUnsupported() {
        refuse("tools", tools != null && !tools.isEmpty(), "Tools are not supported here");
        refuse("functions", functions != null && !functions.isEmpty(), "Functions are not supported here");
        refuse("n", n != null && n != 1, "One choice per request is supported: leave out n or set it to 1");
        refuse("logprobs", Boolean.TRUE.equals(logprobs), "Log probabilities are not supported here");
        refuse("top_logprobs", topLogprobs != null && topLogprobs > 0, "Log probabilities are not supported here");
        refuse("stop", stop != null && stop.contains(null), "stop must be a text or a list of texts");
        refuse("logit_bias", logitBias != null && logitBias.containsValue(null), "A bias must be a number");
        refuse("audio", audio != null && !audio.isNull(), "Audio is not supported here");
        refuse(
                "response_format",
                responseFormat != null
                        && !responseFormat.path("type").asString("text").equals("text"),
                "Answers are plain text here: leave out response_format");
    }

    private static void refuse(String parameter, boolean present, String message) {
        if (present) {
            throw OpenAiException.invalid(parameter, message);
        }
    }

    private RwkvChatRequestParameters parameters() {
        return RwkvChatRequestParameters.builder()
                .temperature(temperature)
                .topP(topP)
                .maxOutputTokens(maxCompletionTokens != null ? maxCompletionTokens : maxTokens)
                .stopSequences(stop)
                .seed(seed)
                .presencePenalty(presencePenalty)
                .frequencyPenalty(frequencyPenalty)
                .tokenBias(Objects.requireNonNullElse(logitBias, Map.of()))
                .build();
    }
}
