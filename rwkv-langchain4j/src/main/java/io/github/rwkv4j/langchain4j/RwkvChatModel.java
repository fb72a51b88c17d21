package io.github.rwkv4j.langchain4j;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.GenerationResult;
import java.util.List;

/**
 * Chat with an RWKV model. Thread-safe: requests of many threads go through the weights together.
 *
 * <p>Texts only. Errors are those of {@code dev.langchain4j.exception}, with the engine's as their cause. Interrupting
 * the thread that waits for an answer cancels the generation.
 */
public final class RwkvChatModel implements ChatModel {
    private final Chat chat;

    private RwkvChatModel(Chat chat) {
        this.chat = chat;
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        return RwkvExceptionMapper.INSTANCE.withExceptionMapper(() -> {
            try (Turn turn = chat.turn(request)) {
                GenerationResult result = turn.generate();
                OutputParser output = new OutputParser(turn.thinking(), OutputParser.Sink.NONE);
                output.accept(result.text());
                output.finish();
                return turn.response(output, result);
            }
        });
    }

    Chat chat() {
        return chat;
    }

    @Override
    public RwkvChatRequestParameters defaultRequestParameters() {
        return chat.defaults();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return chat.listeners();
    }

    @Override
    public ModelProvider provider() {
        return ModelProvider.OTHER;
    }

    public static final class Builder extends ChatModelBuilder<Builder> {
        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        /**
         * The model.
         *
         * @throws dev.langchain4j.exception.UnsupportedFeatureException if the default parameters ask for what this
         *     model does not have
         */
        public RwkvChatModel build() {
            return new RwkvChatModel(chat());
        }
    }
}
