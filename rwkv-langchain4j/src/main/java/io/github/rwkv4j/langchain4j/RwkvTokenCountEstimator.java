package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.TokenCountEstimator;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Counts tokens exactly as a chat model of the same template feeds them. Messages that end with a user message count as
 * the prompt that they make, without thinking; others, and a single message, as their turns alone.
 */
public final class RwkvTokenCountEstimator implements TokenCountEstimator {
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final PromptEncoder prompts;

    private RwkvTokenCountEstimator(Tokenizer tokenizer, ChatTemplate template, boolean endOfTextFirst) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.prompts = new PromptEncoder(tokenizer, endOfTextFirst);
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public int estimateTokenCountInText(String text) {
        return tokenizer.encode(text).length;
    }

    @Override
    public int estimateTokenCountInMessage(ChatMessage message) {
        return new PromptEncoder(tokenizer, false)
                .encode(template.story(List.of(message)))
                .tokens()
                .length;
    }

    @Override
    public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
        List<ChatMessage> list = new ArrayList<>();
        messages.forEach(list::add);
        boolean isPrompt = !list.isEmpty() && list.getLast() instanceof UserMessage;
        return prompts.encode(isPrompt ? template.question(list, Thinking.OFF) : template.story(list))
                .tokens()
                .length;
    }

    public static final class Builder {
        private @Nullable Rwkv engine;
        private Optional<ChatTemplate> template = Optional.empty();
        private Optional<Boolean> endOfTextFirst = Optional.empty();

        private Builder() {}

        /** The opened model, whose vocabulary counts. */
        public Builder engine(Rwkv engine) {
            this.engine = engine;
            return this;
        }

        /** The chat model's template; by default {@link ChatTemplate#ofModel} by the model's name and generation. */
        public Builder template(ChatTemplate template) {
            this.template = Optional.of(template);
            return this;
        }

        /** As the chat model has it; by default as the template shipped with the models. */
        public Builder endOfTextFirst(boolean endOfTextFirst) {
            this.endOfTextFirst = Optional.of(endOfTextFirst);
            return this;
        }

        public RwkvTokenCountEstimator build() {
            Rwkv opened = requireNonNull(engine, "engine");
            ChatTemplate format = template.orElseGet(() -> ChatTemplate.ofModel(opened.info()));
            return new RwkvTokenCountEstimator(
                    opened.tokenizer(), format, endOfTextFirst.orElseGet(format::beginsWithEndOfText));
        }
    }
}
