package io.github.rwkv4j.langchain4j;

import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** LangChain4j's metadata of a response, and how fast it came from what. */
public final class RwkvChatResponseMetadata extends ChatResponseMetadata {
    private final Duration timeToFirstToken;
    private final double tokensPerSecond;
    private final String implementation;

    private RwkvChatResponseMetadata(Builder builder) {
        super(builder);
        this.timeToFirstToken = builder.timeToFirstToken;
        this.tokensPerSecond = builder.tokensPerSecond;
        this.implementation = builder.implementation;
    }

    /** From the acceptance of the request to the first token. */
    public Duration timeToFirstToken() {
        return timeToFirstToken;
    }

    /** Tokens per second after the first one; 0 where fewer than two were generated. */
    public double tokensPerSecond() {
        return tokensPerSecond;
    }

    /** The device and kernels that ran, such as {@code CPU, Vector API 512 bit}. */
    public String implementation() {
        return implementation;
    }

    @Override
    public Builder toBuilder() {
        return ((Builder) toBuilder(builder()))
                .timeToFirstToken(timeToFirstToken)
                .tokensPerSecond(tokensPerSecond)
                .implementation(implementation);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return super.equals(other)
                && other instanceof RwkvChatResponseMetadata that
                && timeToFirstToken.equals(that.timeToFirstToken)
                && Double.compare(tokensPerSecond, that.tokensPerSecond) == 0
                && implementation.equals(that.implementation);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), timeToFirstToken, tokensPerSecond, implementation);
    }

    @Override
    public String toString() {
        return "RwkvChatResponseMetadata{%s, timeToFirstToken=%s, tokensPerSecond=%s, implementation=%s}"
                .formatted(super.toString(), timeToFirstToken, tokensPerSecond, implementation);
    }

    public static Builder builder() {
        return new Builder();
    }

    public static final class Builder extends ChatResponseMetadata.Builder<Builder> {
        private Duration timeToFirstToken = Duration.ZERO;
        private double tokensPerSecond = 0;
        private String implementation = "";

        private Builder() {}

        public Builder timeToFirstToken(Duration timeToFirstToken) {
            this.timeToFirstToken = timeToFirstToken;
            return this;
        }

        public Builder tokensPerSecond(double tokensPerSecond) {
            this.tokensPerSecond = tokensPerSecond;
            return this;
        }

        public Builder implementation(String implementation) {
            this.implementation = implementation;
            return this;
        }

        @Override
        public RwkvChatResponseMetadata build() {
            return new RwkvChatResponseMetadata(this);
        }
    }
}
