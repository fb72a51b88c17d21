package io.github.rwkv4j.langchain4j;

import static dev.langchain4j.internal.Utils.getOrDefault;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** LangChain4j's request parameters and those that RWKV has besides. What is null is taken from the model's defaults. */
public final class RwkvChatRequestParameters extends DefaultChatRequestParameters {
    private final @Nullable Long seed;
    private final @Nullable Double penaltyDecay;
    private final @Nullable Thinking thinking;
    private final Map<Integer, Float> tokenBias;
    private final @Nullable String tenant;
    private final @Nullable String conversation;
    private final @Nullable Boolean windowForgets;

    private RwkvChatRequestParameters(Builder builder) {
        super(builder);
        this.seed = builder.seed;
        this.penaltyDecay = builder.penaltyDecay;
        this.thinking = builder.thinking;
        this.tokenBias = Map.copyOf(builder.tokenBias);
        this.tenant = builder.tenant;
        this.conversation = builder.conversation;
        this.windowForgets = builder.windowForgets;
    }

    /** Seed of the random numbers: the same seed gives the same answer. */
    public @Nullable Long seed() {
        return seed;
    }

    /** What the penalties' counts are multiplied by with every new token, from 0 to 1. */
    public @Nullable Double penaltyDecay() {
        return penaltyDecay;
    }

    /** Whether, and how long, a reasoning model thinks before it answers. */
    public @Nullable Thinking thinking() {
        return thinking;
    }

    /** Added to the logits of these token ids; negative infinity bans a token. Where empty, the defaults' is taken. */
    public Map<Integer, Float> tokenBias() {
        return tokenBias;
    }

    /** Whose the conversation is: states of one tenant are never seen by another. */
    public @Nullable String tenant() {
        return tenant;
    }

    /** What the states are stored under, to be deleted together; otherwise a random name. */
    public @Nullable String conversation() {
        return conversation;
    }

    /**
     * Whether what a memory's window has evicted is to be forgotten: a state is then only used if it has seen nothing but
     * the messages of the request. By default the state remembers.
     */
    public @Nullable Boolean windowForgets() {
        return windowForgets;
    }

    @Override
    public RwkvChatRequestParameters overrideWith(ChatRequestParameters that) {
        return builder().overrideWith(this).overrideWith(that).build();
    }

    @Override
    public RwkvChatRequestParameters defaultedBy(ChatRequestParameters that) {
        return builder().overrideWith(that).overrideWith(this).build();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return super.equals(other)
                && other instanceof RwkvChatRequestParameters that
                && Objects.equals(seed, that.seed)
                && Objects.equals(penaltyDecay, that.penaltyDecay)
                && thinking == that.thinking
                && tokenBias.equals(that.tokenBias)
                && Objects.equals(tenant, that.tenant)
                && Objects.equals(conversation, that.conversation)
                && Objects.equals(windowForgets, that.windowForgets);
    }

    @Override
    public int hashCode() {
        return Objects.hash(
                super.hashCode(), seed, penaltyDecay, thinking, tokenBias, tenant, conversation, windowForgets);
    }

    @Override
    public String toString() {
        return "RwkvChatRequestParameters{%s, seed=%s, penaltyDecay=%s, thinking=%s, tokenBias=%s, tenant=%s, conversation=%s, windowForgets=%s}"
                .formatted(
                        super.toString(), seed, penaltyDecay, thinking, tokenBias, tenant, conversation, windowForgets);
    }

    public static Builder builder() {
        return new Builder();
    }

    public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
        private @Nullable Long seed;
        private @Nullable Double penaltyDecay;
        private @Nullable Thinking thinking;
        private Map<Integer, Float> tokenBias = Map.of();
        private @Nullable String tenant;
        private @Nullable String conversation;
        private @Nullable Boolean windowForgets;

        private Builder() {}

        public Builder seed(@Nullable Long seed) {
            this.seed = seed;
            return this;
        }

        public Builder penaltyDecay(@Nullable Double penaltyDecay) {
            this.penaltyDecay = penaltyDecay;
            return this;
        }

        public Builder thinking(@Nullable Thinking thinking) {
            this.thinking = thinking;
            return this;
        }

        public Builder tokenBias(Map<Integer, Float> tokenBias) {
            this.tokenBias = tokenBias;
            return this;
        }

        public Builder tenant(@Nullable String tenant) {
            this.tenant = tenant;
            return this;
        }

        public Builder conversation(@Nullable String conversation) {
            this.conversation = conversation;
            return this;
        }

        public Builder windowForgets(@Nullable Boolean windowForgets) {
            this.windowForgets = windowForgets;
            return this;
        }

        @Override
        public Builder overrideWith(ChatRequestParameters parameters) {
            super.overrideWith(parameters);
            if (parameters instanceof RwkvChatRequestParameters that) {
                seed(getOrDefault(that.seed, seed));
                penaltyDecay(getOrDefault(that.penaltyDecay, penaltyDecay));
                thinking(getOrDefault(that.thinking, thinking));
                tokenBias(getOrDefault(that.tokenBias, tokenBias));
                tenant(getOrDefault(that.tenant, tenant));
                conversation(getOrDefault(that.conversation, conversation));
                windowForgets(getOrDefault(that.windowForgets, windowForgets));
            }
            return this;
        }

        @Override
        public RwkvChatRequestParameters build() {
            return new RwkvChatRequestParameters(this);
        }
    }
}
