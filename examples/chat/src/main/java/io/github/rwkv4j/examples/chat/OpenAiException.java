package io.github.rwkv4j.examples.chat;

import java.io.Serial;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;

/** A request that can't be answered, and why in OpenAI's form. */
final class OpenAiException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final HttpStatus status;
    private final transient OpenAiError body;

    OpenAiException(HttpStatus status, OpenAiError body) {
        super(body.error().message());
        this.status = status;
        this.body = body;
    }

    static OpenAiException invalid(@Nullable String parameter, String message) {
        return new OpenAiException(
                HttpStatus.BAD_REQUEST, OpenAiError.of(message, OpenAiError.INVALID_REQUEST, parameter, null));
    }

    static OpenAiException unknownModel(String name, String served) {
        return new OpenAiException(
                HttpStatus.NOT_FOUND,
                OpenAiError.of(
                        "The model '%s' does not exist; this server has '%s'".formatted(name, served),
                        OpenAiError.INVALID_REQUEST,
                        "model",
                        "model_not_found"));
    }

    HttpStatus status() {
        return status;
    }

    OpenAiError body() {
        return body;
    }
}
