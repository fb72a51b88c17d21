package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.state.SnapshotStore;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Builds a chat model over an opened engine, which is all that must be given. */
public abstract sealed class ChatModelBuilder<B extends ChatModelBuilder<B>>
        permits RwkvChatModel.Builder, RwkvStreamingChatModel.Builder {
    /** Most tokens of an answer, its thinking included, where neither request nor defaults say otherwise. */
    public static final int DEFAULT_MAX_OUTPUT_TOKENS = 1024;

    private @Nullable Rwkv engine;
    private Optional<ChatTemplate> template = Optional.empty();
    private Optional<Boolean> endOfTextFirst = Optional.empty();
    private ChatRequestParameters defaultRequestParameters = DefaultChatRequestParameters.EMPTY;
    private List<ChatModelListener> listeners = List.of();
    private Optional<SnapshotStore> states = Optional.empty();
    private TenantResolver tenants = _ -> TenantResolver.DEFAULT_TENANT;
    private StateListener stateListener = StateListener.NONE;

    ChatModelBuilder() {}

    abstract B self();

    /** The opened model. The caller closes it; a chat model never does. */
    public B engine(Rwkv engine) {
        this.engine = engine;
        return self();
    }

    /** The prompt format; by default {@link ChatTemplate#ofModel} by the model's name and generation. */
    public B template(ChatTemplate template) {
        this.template = Optional.of(template);
        return self();
    }

    /**
     * Whether every prompt begins with the vocabulary's end of text (id 0), as documents of the training data do;
     * by default as the template shipped with the models has it. Answers differ slightly.
     */
    public B endOfTextFirst(boolean endOfTextFirst) {
        this.endOfTextFirst = Optional.of(endOfTextFirst);
        return self();
    }

    /**
     * What requests take where they say nothing, possibly {@link RwkvChatRequestParameters}. Where these say nothing
     * either: the template's {@link ChatTemplate#sampling()}, no thinking, and {@link #DEFAULT_MAX_OUTPUT_TOKENS}.
     */
    public B defaultRequestParameters(ChatRequestParameters defaultRequestParameters) {
        this.defaultRequestParameters = defaultRequestParameters;
        return self();
    }

    public B listeners(List<ChatModelListener> listeners) {
        this.listeners = List.copyOf(listeners);
        return self();
    }

    /**
     * Where the states of conversations are kept, so that a turn costs only what is new in it: every reply carries a
     * handle in its {@code attributes()}, which a later request with this message goes on from, even if a window has
     * evicted what was said before; and a prompt that begins as an earlier one goes on from there. Without a store every
     * request feeds its whole prompt. The caller closes it.
     */
    public B states(SnapshotStore states) {
        this.states = Optional.of(states);
        return self();
    }

    /** Whose a request is that doesn't say so itself; by default {@link TenantResolver#DEFAULT_TENANT}. */
    public B tenant(TenantResolver tenants) {
        this.tenants = tenants;
        return self();
    }

    /** Hears what states save and cost. */
    public B stateListener(StateListener stateListener) {
        this.stateListener = stateListener;
        return self();
    }

    Chat chat() {
        Rwkv opened = requireNonNull(engine, "engine");
        String name = opened.info().name();
        ChatTemplate format = template.orElseGet(() -> ChatTemplate.ofModel(opened.info()));
        boolean withEndOfText = endOfTextFirst.orElseGet(format::beginsWithEndOfText);
        return new Chat(
                opened,
                format,
                new PromptEncoder(opened.tokenizer(), withEndOfText),
                parametersOf(format, name).overrideWith(defaultRequestParameters),
                listeners,
                states.map(store -> new ConversationMemory(opened, store, stateListener)),
                tenants);
    }

    private static RwkvChatRequestParameters parametersOf(ChatTemplate template, String modelName) {
        Sampling sampling = template.sampling();
        return RwkvChatRequestParameters.builder()
                .modelName(modelName)
                .temperature(sampling.temperature())
                .topP(sampling.topP())
                .topK(sampling.topK())
                .presencePenalty(sampling.presencePenalty())
                .frequencyPenalty(sampling.frequencyPenalty())
                .penaltyDecay(sampling.penaltyDecay())
                .thinking(Thinking.OFF)
                .maxOutputTokens(DEFAULT_MAX_OUTPUT_TOKENS)
                .build();
    }
}
