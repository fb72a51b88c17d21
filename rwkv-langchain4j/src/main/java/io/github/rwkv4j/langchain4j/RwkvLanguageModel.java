package io.github.rwkv4j.langchain4j;

import dev.langchain4j.model.language.LanguageModel;
import dev.langchain4j.model.output.Response;
import io.github.rwkv4j.engine.GenerationResult;

/**
 * Continues a text with an RWKV model, as it is: no template, nothing trimmed. Thread-safe. Interrupting the thread
 * that waits cancels the generation.
 */
public final class RwkvLanguageModel implements LanguageModel {
    private final LanguageModelBuilder.Completion completion;

    private RwkvLanguageModel(LanguageModelBuilder.Completion completion) {
        this.completion = completion;
    }

    public static Builder builder() {
        return new Builder();
    }

    @Override
    public Response<String> generate(String prompt) {
        return RwkvExceptionMapper.INSTANCE.withExceptionMapper(() -> {
            GenerationResult result = Generations.finished(completion.engine().generate(completion.generation(prompt)));
            return Responses.completion(result.text(), result);
        });
    }

    public static final class Builder extends LanguageModelBuilder<Builder> {
        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        public RwkvLanguageModel build() {
            return new RwkvLanguageModel(completion());
        }
    }
}
