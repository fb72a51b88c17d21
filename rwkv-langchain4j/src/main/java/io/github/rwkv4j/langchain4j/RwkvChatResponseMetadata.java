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
    private final int cachedPromptTokens;
    private final @Nullable String stateHandle;
    private final @Nullable String conversation;

    private RwkvChatResponseMetadata(Builder builder) {
        super(builder);
        this.timeToFirstToken = builder.timeToFirstToken;
        this.tokensPerSecond = builder.tokensPerSecond;
        this.implementation = builder.implementation;
        this.cachedPromptTokens = builder.cachedPromptTokens;
        this.stateHandle = builder.stateHandle;
        this.conversation = builder.conversation;
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

    /** How many of the prompt's tokens, all of which count as input, a state has saved from being fed. */
    public int cachedPromptTokens() {
        return cachedPromptTokens;
    }

    /** The id of the state after this answer, as in the message's attributes; null if none was saved. */
    public @Nullable String stateHandle() {
        return stateHandle;
    }

    /** What the conversation's states are stored under; null if none was saved. */
    public @Nullable String conversation() {
        return conversation;
    }

    @Override
    public Builder toBuilder() {
        return ((Builder) toBuilder(builder()))
                .timeToFirstToken(timeToFirstToken)
                .tokensPerSecond(tokensPerSecond)
                .implementation(implementation)
                .cachedPromptTokens(cachedPromptTokens)
                .stateHandle(stateHandle)
                .conversation(conversation);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return super.equals(other)
                && other instanceof RwkvChatResponseMetadata that
                && timeToFirstToken.equals(that.timeToFirstToken)
                && Double.compare(tokensPerSecond, that.tokensPerSecond) == 0
                && implementation.equals(that.implementation)
                && cachedPromptTokens == that.cachedPromptTokens
                && Objects.equals(stateHandle, that.stateHandle)
                && Objects.equals(conversation, that.conversation);
    }

    @Override
    public int hashCode() {
        return Objects.hash(
                super.hashCode(),
                timeToFirstToken,
                tokensPerSecond,
                implementation,
                cachedPromptTokens,
                stateHandle,
                conversation);
    }

    @Override
    public String toString() {
        return "RwkvChatResponseMetadata{%s, timeToFirstToken=%s, tokensPerSecond=%s, implementation=%s, cachedPromptTokens=%d, stateHandle=%s, conversation=%s}"
                .formatted(
                        super.toString(),
                        timeToFirstToken,
                        tokensPerSecond,
                        implementation,
                        cachedPromptTokens,
                        stateHandle,
                        conversation);
    }

    public static Builder builder() {
        return new Builder();
    }

    public static final class Builder extends ChatResponseMetadata.Builder<Builder> {
        private Duration timeToFirstToken = Duration.ZERO;
        private double tokensPerSecond = 0;
        private String implementation = "";
        private int cachedPromptTokens;
        private @Nullable String stateHandle;
        private @Nullable String conversation;

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

        public Builder cachedPromptTokens(int cachedPromptTokens) {
            this.cachedPromptTokens = cachedPromptTokens;
            return this;
        }

        public Builder stateHandle(@Nullable String stateHandle) {
            this.stateHandle = stateHandle;
            return this;
        }

        public Builder conversation(@Nullable String conversation) {
            this.conversation = conversation;
            return this;
        }

        @Override
        public RwkvChatResponseMetadata build() {
            return new RwkvChatResponseMetadata(this);
        }
    }
}
