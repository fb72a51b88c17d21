package io.github.rwkv4j.langchain4j;

import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onCompleteResponse;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onPartialResponse;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onPartialThinking;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.withLoggingExceptions;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import io.github.rwkv4j.engine.Generation;
import io.github.rwkv4j.engine.GenerationListener;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.errors.RwkvException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Chat with an RWKV model, the answer arriving piece by piece. Thread-safe: requests of many threads go through the
 * weights together.
 *
 * <p>The handler is called on one thread, which isn't the caller's. Only an
 * {@link dev.langchain4j.exception.UnsupportedFeatureException} is thrown to the caller; any other error goes to the
 * handler. After {@link StreamingHandle#cancel()} the handler is called no more.
 */
public final class RwkvStreamingChatModel implements StreamingChatModel {
    private final Chat chat;

    private RwkvStreamingChatModel(Chat chat) {
        this.chat = chat;
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        try {
            Turn turn = chat.turn(request);
            // What is new in the prompt is fed before the answer can start, which the caller need not wait for.
            Thread.ofVirtual().name("rwkv-chat").start(new Stream(turn, handler));
        } catch (UnsupportedFeatureException e) {
            throw e;
        } catch (RuntimeException e) {
            Thread.startVirtualThread(() -> tell(handler, e));
        }
    }

    private static void tell(StreamingChatResponseHandler handler, RuntimeException error) {
        withLoggingExceptions(() -> handler.onError(RwkvExceptionMapper.INSTANCE.mapException(error)));
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

    /** One answer on its way from the engine to the handler. */
    private static final class Stream implements Runnable, GenerationListener, OutputParser.Sink, StreamingHandle {
        private final Turn turn;
        private final OutputParser output;
        private final StreamingChatResponseHandler handler;
        private volatile boolean cancelled;
        private @Nullable Generation generation;

        Stream(Turn turn, StreamingChatResponseHandler handler) {
            this.turn = turn;
            this.output = new OutputParser(turn.thinking(), this);
            this.handler = handler;
        }

        @Override
        public void run() {
            try {
                follow(turn.generate(this));
            } catch (RuntimeException e) {
                turn.close();
                tell(handler, e);
            }
        }

        @Override
        public void onText(String text) {
            output.accept(text);
        }

        @Override
        public void thinking(String text) {
            if (!cancelled) {
                onPartialThinking(handler, text, this);
            }
        }

        @Override
        public void answer(String text) {
            if (!cancelled) {
                onPartialResponse(handler, text, this);
            }
        }

        @Override
        public void onComplete(GenerationResult result) {
            Optional<ChatResponse> response;
            try (turn) {
                output.finish();
                response = cancelled ? Optional.empty() : Optional.of(turn.response(output, result));
            }
            response.ifPresent(complete -> onCompleteResponse(handler, complete));
        }

        @Override
        public void onError(RwkvException error) {
            turn.close();
            if (!cancelled) {
                tell(handler, error);
            }
        }

        /** A callback may cancel before the engine has handed out the generation. */
        synchronized void follow(Generation running) {
            generation = running;
            if (cancelled) {
                running.cancel();
            }
        }

        @Override
        public synchronized void cancel() {
            cancelled = true;
            if (generation != null) {
                generation.cancel();
            }
        }

        @Override
        public boolean isCancelled() {
            return cancelled;
        }
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
         * @throws UnsupportedFeatureException if the default parameters ask for what this model does not have
         */
        public RwkvStreamingChatModel build() {
            return new RwkvStreamingChatModel(chat());
        }
    }
}
