package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.ChatRequestValidationUtils;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.state.SnapshotStore;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What the two chat models are alike: a chat request becomes a generation, and its output a chat response. */
record Chat(
        Rwkv engine,
        ChatTemplate template,
        PromptEncoder encoder,
        RwkvChatRequestParameters defaults,
        List<ChatModelListener> listeners,
        Optional<ConversationMemory> memory,
        TenantResolver tenants) {
    /** Longest name of a tenant or a conversation. */
    private static final int LONGEST_NAME = 200;

    Chat {
        listeners = List.copyOf(listeners);
        refuseUnsupported(defaults, engine.info().name());
    }

    /**
     * A turn that answers {@code request}; the caller closes it.
     *
     * @throws UnsupportedFeatureException if the request asks for what this model does not have
     * @throws InvalidRequestException if the last message is not a user message, or a parameter is out of range
     */
    Turn turn(ChatRequest request) {
        RwkvChatRequestParameters parameters = defaults.overrideWith(request.parameters());
        refuseUnsupported(parameters, engine.info().name());
        Thinking thinking = requireNonNull(parameters.thinking());
        Prompt prompt = template.question(request.messages(), thinking);
        GenerationRequest.Builder generation = GenerationRequest.builder()
                .sampling(sampling(parameters))
                .maxTokens(parameters.maxOutputTokens())
                .stopSequences(Stream.concat(Stream.of(ChatTemplate.END_OF_TURN), parameters.stopSequences().stream())
                        .toList());
        if (thinking.isOpen()) {
            generation.stopsAfter(OutputParser.END_OF_THINKING);
        }
        return new Turn(this, wanted(request, parameters, prompt), thinking, generation);
    }

    /** What is wanted of the past of {@code prompt}, which the request's messages were rendered to. */
    ConversationMemory.Wanted wanted(ChatRequest request, RwkvChatRequestParameters parameters, Prompt prompt) {
        return new ConversationMemory.Wanted(
                tenant(parameters, request),
                Optional.ofNullable(parameters.conversation()).map(name -> named("conversation", name)),
                request.messages().stream()
                        .filter(message -> !(message instanceof SystemMessage))
                        .toList(),
                prompt,
                encoder.encode(prompt),
                encoder.endOfTextFirst(),
                Boolean.TRUE.equals(parameters.windowForgets()));
    }

    /** The longest known past of a prompt, in a session that the caller closes. */
    ConversationMemory.Past resume(ConversationMemory.Wanted wanted) {
        return memory.isPresent()
                ? memory.get().resume(wanted)
                : new ConversationMemory.Past(engine.newSession(), 0, 0, wanted.start(""));
    }

    /** @throws IllegalStateException if there is none */
    ConversationMemory requireMemory() {
        return memory.orElseThrow(() ->
                new IllegalStateException("The chat model keeps no states: give its builder a store with states(…)"));
    }

    private String tenant(RwkvChatRequestParameters parameters, ChatRequest request) {
        String named = parameters.tenant();
        String tenant = named("tenant", named == null ? tenants.tenant(request) : named);
        if (tenant.equals(SnapshotStore.PUBLIC)) {
            throw new InvalidRequestException(
                    "The tenant %s is for what every tenant may see: a request needs another".formatted(tenant));
        }
        return tenant;
    }

    static String named(String what, String name) {
        if (name.isBlank() || name.length() > LONGEST_NAME) {
            throw new InvalidRequestException(
                    "The %s '%s' has %d characters but must have from 1 to %d, not all of them space"
                            .formatted(what, name, name.length(), LONGEST_NAME));
        }
        return name;
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
