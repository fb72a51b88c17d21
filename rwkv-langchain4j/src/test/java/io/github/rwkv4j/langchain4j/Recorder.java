package io.github.rwkv4j.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Remembers the callbacks of one streamed answer. */
class Recorder implements StreamingChatResponseHandler {
    final List<String> partialResponses = new CopyOnWriteArrayList<>();
    final List<String> partialThinking = new CopyOnWriteArrayList<>();
    final Set<Thread> threads = ConcurrentHashMap.newKeySet();
    final CompletableFuture<ChatResponse> response = new CompletableFuture<>();
    private final Consumer<StreamingHandle> onEachPartialResponse;

    Recorder() {
        this(handle -> {});
    }

    Recorder(Consumer<StreamingHandle> onEachPartialResponse) {
        this.onEachPartialResponse = onEachPartialResponse;
    }

    @Override
    public void onPartialResponse(PartialResponse partialResponse, PartialResponseContext context) {
        threads.add(Thread.currentThread());
        partialResponses.add(partialResponse.text());
        onEachPartialResponse.accept(context.streamingHandle());
    }

    @Override
    public void onPartialThinking(PartialThinking thinking) {
        threads.add(Thread.currentThread());
        partialThinking.add(thinking.text());
    }

    @Override
    public void onCompleteResponse(ChatResponse completeResponse) {
        threads.add(Thread.currentThread());
        response.complete(completeResponse);
    }

    @Override
    public void onError(Throwable error) {
        threads.add(Thread.currentThread());
        response.completeExceptionally(error);
    }

    ChatResponse await() throws Exception {
        return response.get(60, TimeUnit.SECONDS);
    }
}
