package io.github.rwkv4j.examples.chat;

import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.MediaType;
import tools.jackson.databind.json.JsonMapper;

/**
 * One streamed answer as server-sent events. The model's thread queues what happens; the request's thread, a virtual
 * one that may wait, writes it, and cancels the generation when the client has gone.
 */
final class ChatStream implements StreamingChatResponseHandler {
    private static final Logger log = LoggerFactory.getLogger(ChatStream.class);

    private sealed interface Event {}

    private record Text(String text, StreamingHandle handle) implements Event {}

    private record Completed(ChatResponse response) implements Event {}

    private record Failed(Throwable error) implements Event {}

    // Not bounded: it never holds more than one answer.
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Completion completion;
    private final boolean includeUsage;
    private final JsonMapper json;

    ChatStream(Completion completion, boolean includeUsage, JsonMapper json) {
        this.completion = completion;
        this.includeUsage = includeUsage;
        this.json = json;
    }

    @Override
    public void onPartialResponse(PartialResponse partialResponse, PartialResponseContext context) {
        events.add(new Text(partialResponse.text(), context.streamingHandle()));
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
        events.add(new Completed(response));
    }

    @Override
    public void onError(Throwable error) {
        events.add(new Failed(error));
    }

    /**
     * Writes the answer until it ends or the client goes away.
     *
     * @throws OpenAiException if the generation fails before its first text, while the status can still say so
     */
    void writeTo(HttpServletResponse response) throws InterruptedException {
        Event event = events.take();
        if (event instanceof Failed(Throwable error)) {
            throw OpenAiErrors.translate(error);
        }
        response.setContentType(MediaType.TEXT_EVENT_STREAM_VALUE);
        response.setHeader("Cache-Control", "no-cache");
        try {
            OutputStream out = response.getOutputStream();
            send(out, ChatCompletionChunk.start(completion));
            while (event instanceof Text(String text, StreamingHandle _)) {
                send(out, ChatCompletionChunk.text(completion, text));
                event = events.take();
            }
            end(out, event);
        } catch (IOException e) {
            log.debug("The client of {} has gone", completion.id(), e);
            if (event instanceof Text(String _, StreamingHandle handle)) {
                handle.cancel();
            }
        }
    }

    private void end(OutputStream out, Event event) throws IOException {
        switch (event) {
            case Completed(ChatResponse response) -> {
                send(out, ChatCompletionChunk.end(completion, response));
                if (includeUsage) {
                    send(out, ChatCompletionChunk.usage(completion, response));
                }
            }
            case Failed(Throwable error) ->
                send(out, OpenAiErrors.translate(error).body());
            case Text _ -> throw new IllegalStateException("A text does not end an answer");
        }
        write(out, "[DONE]");
    }

    private void send(OutputStream out, Object event) throws IOException {
        write(out, json.writeValueAsString(event));
    }

    private static void write(OutputStream out, String data) throws IOException {
        out.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
