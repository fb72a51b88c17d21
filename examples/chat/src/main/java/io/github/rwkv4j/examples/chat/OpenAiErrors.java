package io.github.rwkv4j.examples.chat;

import static io.github.rwkv4j.examples.chat.OpenAiError.INVALID_REQUEST;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.web.HttpMediaTypeNotSupportedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DatabindException;

/** Every failure of the endpoint, in OpenAI's form. */
@RestControllerAdvice(assignableTypes = OpenAiController.class)
class OpenAiErrors {
    private static final Logger log = LoggerFactory.getLogger(OpenAiErrors.class);

    @ExceptionHandler
    ResponseEntity<OpenAiError> handle(Exception e) {
        OpenAiException error = translate(e);
        return ResponseEntity.status(error.status()).body(error.body());
    }

    /** What a failure is to the client, whether it was thrown or came at the end of a stream. */
    static OpenAiException translate(Throwable e) {
        return switch (e) {
            case OpenAiException known -> known;
            case HttpMessageNotReadableException unreadable -> unreadable(unreadable.getMostSpecificCause());
            case InvalidRequestException _, UnsupportedFeatureException _ -> OpenAiException.invalid(null, message(e));
            case HttpMediaTypeNotSupportedException _ ->
                failure(
                        HttpStatus.UNSUPPORTED_MEDIA_TYPE,
                        "Content-Type must be application/json",
                        INVALID_REQUEST,
                        null);
            case RateLimitException _ ->
                failure(HttpStatus.TOO_MANY_REQUESTS, message(e), "rate_limit_error", "rate_limit_exceeded");
            default -> {
                log.error("A chat completion failed", e);
                String message = e instanceof LangChain4jException ? message(e) : "The server failed: see its log";
                yield failure(HttpStatus.INTERNAL_SERVER_ERROR, message, "server_error", null);
            }
        };
    }

    private static OpenAiException failure(HttpStatus status, String message, String type, @Nullable String code) {
        return new OpenAiException(status, OpenAiError.of(message, type, null, code));
    }

    private static String message(Throwable e) {
        return Objects.requireNonNullElse(e.getMessage(), e.getClass().getSimpleName());
    }

    private static OpenAiException unreadable(Throwable cause) {
        return switch (cause) {
            case DatabindException e
            when !e.getPath().isEmpty() -> {
                String field = e.getPath().getFirst().getPropertyName();
                yield OpenAiException.invalid(field, "%s has a value of the wrong type".formatted(field));
            }
            case JacksonException e ->
                OpenAiException.invalid(null, "The body must be JSON: " + e.getOriginalMessage());
            default -> OpenAiException.invalid(null, "The body must be JSON, but it is empty");
        };
    }
}
