package io.github.rwkv4j.examples.chat;

import org.jspecify.annotations.Nullable;

/** The body of an error, as OpenAI's clients read it. */
record OpenAiError(Detail error) {
    static final String INVALID_REQUEST = "invalid_request_error";

    /**
     * @param message what is wrong, in words
     * @param type the kind of error, such as {@code invalid_request_error}
     * @param param the request's field that is wrong, where it is one
     * @param code a code that programs can tell errors apart by, where there is one
     */
    record Detail(
            String message,
            String type,
            @Nullable String param,
            @Nullable String code) {}

    static OpenAiError of(String message, String type, @Nullable String param, @Nullable String code) {
        return new OpenAiError(new Detail(message, type, param, code));
    }
}
