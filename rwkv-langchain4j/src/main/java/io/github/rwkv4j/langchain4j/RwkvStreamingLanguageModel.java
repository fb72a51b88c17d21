package io.github.rwkv4j.langchain4j;

import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.withLoggingExceptions;

import dev.langchain4j.model.StreamingResponseHandler;
import dev.langchain4j.model.language.StreamingLanguageModel;
import io.github.rwkv4j.engine.GenerationListener;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.errors.RwkvException;

/**
 * Continues a text with an RWKV model, piece by piece, as it is: no template, nothing trimmed. Thread-safe. The handler
 * is called on one thread, which isn't the caller's; every error goes to it.
 */
public final class RwkvStreamingLanguageModel implements StreamingLanguageModel {
    private final LanguageModelBuilder.Completion completion;

    private RwkvStreamingLanguageModel(LanguageModelBuilder.Completion completion) {
        this.completion = completion;
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public void generate(String prompt, StreamingResponseHandler<String> handler) {
        try {
            completion.engine().generate(completion.generation(prompt), new Stream(handler));
        } catch (RuntimeException e) {
            RuntimeException error = RwkvExceptionMapper.INSTANCE.mapException(e);
            Thread.startVirtualThread(() -> withLoggingExceptions(() -> handler.onError(error)));
        }
    }

    /** As in chat, an exception of the handler's own goes to its {@code onError}, and the text goes on. */
    private record Stream(StreamingResponseHandler<String> handler, StringBuilder text) implements GenerationListener {
        Stream(StreamingResponseHandler<String> handler) {
            this(handler, new StringBuilder());
        }

        @Override
        public void onText(String piece) {
            text.append(piece);
            call(() -> handler.onNext(piece));
        }

        @Override
        public void onComplete(GenerationResult result) {
            call(() -> handler.onComplete(Responses.completion(text.toString(), result)));
        }

        @Override
        public void onError(RwkvException error) {
            withLoggingExceptions(() -> handler.onError(RwkvExceptionMapper.INSTANCE.mapException(error)));
        }

        private void call(Runnable callback) {
            try {
                callback.run();
            } catch (RuntimeException e) {
                withLoggingExceptions(() -> handler.onError(e));
            }
        }
    }

    public static final class Builder extends LanguageModelBuilder<Builder> {
        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        public RwkvStreamingLanguageModel build() {
            return new RwkvStreamingLanguageModel(completion());
        }
    }
}
