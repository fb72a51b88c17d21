package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.ChatRequestValidationUtils;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/** What the two chat models are alike: a chat request becomes a generation, and its output a chat response. */
record Chat(
        Rwkv engine,
        ChatTemplate template,
        PromptEncoder encoder,
        RwkvChatRequestParameters defaults,
        List<ChatModelListener> listeners) {
    Chat {
        listeners = List.copyOf(listeners);
        refuseUnsupported(defaults, engine.info().name());
    }

    /** A request as the engine takes it, and how its output is to be read. */
    record Turn(GenerationRequest generation, Thinking thinking) {}

    /**
     * @throws UnsupportedFeatureException if the request asks for what this model does not have
     * @throws dev.langchain4j.exception.InvalidRequestException if the last message is not a user message
     */
    Turn turn(ChatRequest request) {
        RwkvChatRequestParameters parameters = defaults.overrideWith(request.parameters());
        refuseUnsupported(parameters, engine.info().name());
        Thinking thinking = requireNonNull(parameters.thinking());
        GenerationRequest.Builder generation = GenerationRequest.builder()
                .prompt(encoder.encode(template.prompt(request.messages(), thinking)))
                .sampling(sampling(parameters))
                .maxTokens(parameters.maxOutputTokens())
                .stopSequences(Stream.concat(Stream.of(ChatTemplate.END_OF_TURN), parameters.stopSequences().stream())
                        .toList());
        if (thinking.isOpen()) {
            generation.stopsAfter(OutputParser.END_OF_THINKING);
        }
        return new Turn(generation.build(), thinking);
    }

    /** The response that {@code output}, finished, and {@code result} make. */
    ChatResponse response(OutputParser output, GenerationResult result) {
        return ChatResponse.builder()
                .aiMessage(AiMessage.builder()
                        .text(output.answer())
                        .thinking(output.thinking().isEmpty() ? null : output.thinking())
                        .build())
                .metadata(RwkvChatResponseMetadata.builder()
                        .id(UUID.randomUUID().toString())
                        .modelName(engine.info().name())
                        .tokenUsage(Responses.tokenUsage(result))
                        .finishReason(Responses.finishReason(result))
                        .timeToFirstToken(result.timeToFirstToken())
                        .tokensPerSecond(result.tokensPerSecond())
                        .implementation(engine.info().implementation())
                        .build())
                .build();
    }

    private static void refuseUnsupported(ChatRequestParameters parameters, String modelName) {
        if (!modelName.equals(parameters.modelName())) {
            throw new UnsupportedFeatureException(
                    "'modelName' %s is not supported: this model is %s".formatted(parameters.modelName(), modelName));
        }
        ChatRequestValidationUtils.validate(parameters.toolChoice());
        ChatRequestValidationUtils.validate(parameters.toolSpecifications());
        ChatRequestValidationUtils.validate(parameters.responseFormat());
    }

    private static Sampling sampling(RwkvChatRequestParameters parameters) {
        Sampling.Builder sampling = Sampling.builder()
                .temperature(parameters.temperature())
                .topP(parameters.topP())
                .topK(parameters.topK())
                .presencePenalty(parameters.presencePenalty())
                .frequencyPenalty(parameters.frequencyPenalty())
                .penaltyDecay(requireNonNull(parameters.penaltyDecay()))
                .tokenBias(parameters.tokenBias());
        Long seed = parameters.seed();
        return (seed == null ? sampling : sampling.seed(seed)).build();
    }
}
