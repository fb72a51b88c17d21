package io.github.rwkv4j.examples.chat;

import dev.langchain4j.model.chat.request.ChatRequest;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import io.github.rwkv4j.langchain4j.RwkvStreamingChatModel;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;
import tools.jackson.databind.json.JsonMapper;

/** The part of OpenAI's API that a chat needs: completions, whole or streamed, and the list of models. */
@RestController
@RequestMapping("/v1")
class OpenAiController {
    private final RwkvChatModel chatModel;
    private final RwkvStreamingChatModel streamingChatModel;
    private final JsonMapper json;
    private final Model model;

    OpenAiController(Rwkv rwkv, RwkvChatModel chatModel, RwkvStreamingChatModel streamingChatModel, JsonMapper json) {
        this.chatModel = chatModel;
        this.streamingChatModel = streamingChatModel;
        this.json = json;
        this.model = new Model(rwkv.info().name(), "model", Instant.now().getEpochSecond(), "rwkv4j");
    }

    /** @return the answer, or null where it has been streamed to {@code response} */
    @PostMapping("/chat/completions")
    @Nullable
    ChatCompletion complete(@RequestBody ChatCompletionRequest request, HttpServletResponse response)
            throws InterruptedException {
        ChatRequest chatRequest = request.toChatRequest(model.id());
        Completion completion = Completion.of(model.id());
        if (!Boolean.TRUE.equals(request.stream())) {
            return ChatCompletion.of(completion, chatModel.chat(chatRequest));
        }
        ChatStream stream = new ChatStream(completion, request.includesUsage(), json);
        streamingChatModel.chat(chatRequest, stream);
        stream.writeTo(response);
        return null;
    }

    @GetMapping("/models")
    Models models() {
        return new Models("list", List.of(model));
    }

    @GetMapping("/models/{id}")
    Model model(@PathVariable String id) {
        if (!id.equals(model.id())) {
            throw OpenAiException.unknownModel(id, model.id());
        }
        return model;
    }

    @RequestMapping("/**")
    void unknown(HttpServletRequest request) {
        throw new OpenAiException(
                HttpStatus.NOT_FOUND,
                OpenAiError.of(
                        "There is no %s %s here".formatted(request.getMethod(), request.getRequestURI()),
                        OpenAiError.INVALID_REQUEST,
                        null,
                        "unknown_url"));
    }

    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    record Model(String id, String object, long created, String ownedBy) {}

    record Models(String object, List<Model> data) {}
}
