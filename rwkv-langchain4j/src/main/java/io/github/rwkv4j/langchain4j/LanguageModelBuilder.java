package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;

import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Builds a model that continues a text, over an opened engine, which is all that must be given. */
public abstract sealed class LanguageModelBuilder<B extends LanguageModelBuilder<B>>
        permits RwkvLanguageModel.Builder, RwkvStreamingLanguageModel.Builder {
    private @Nullable Rwkv engine;
    private Sampling sampling = Sampling.DEFAULT;
    private int maxOutputTokens = 512;
    private List<String> stopSequences = List.of();
    private boolean endOfTextFirst = false;

    LanguageModelBuilder() {}

    abstract B self();

    /** The opened model. The caller closes it; a language model never does. */
    public B engine(Rwkv engine) {
        this.engine = engine;
        return self();
    }

    /** How tokens are drawn; by default {@link Sampling#DEFAULT}. */
    public B sampling(Sampling sampling) {
        this.sampling = sampling;
        return self();
    }

    /** Most tokens of a continuation; by default 512. */
    public B maxOutputTokens(int maxOutputTokens) {
        this.maxOutputTokens = maxOutputTokens;
        return self();
    }

    /** Texts that end the continuation and are left out of it, besides the end of text; by default none. */
    public B stopSequences(List<String> stopSequences) {
        this.stopSequences = List.copyOf(stopSequences);
        return self();
    }

    /** Whether every prompt begins with the vocabulary's end of text (id 0); by default not. */
    public B endOfTextFirst(boolean endOfTextFirst) {
        this.endOfTextFirst = endOfTextFirst;
        return self();
    }

    Completion completion() {
        Rwkv opened = requireNonNull(engine, "engine");
        PromptEncoder encoder = new PromptEncoder(opened.tokenizer(), endOfTextFirst);
        return new Completion(opened, encoder, sampling, maxOutputTokens, stopSequences);
    }

    /** What the two language models are alike: a prompt becomes a generation. */
    record Completion(
            Rwkv engine, PromptEncoder encoder, Sampling sampling, int maxOutputTokens, List<String> stopSequences) {

        GenerationRequest generation(String prompt) {
            return GenerationRequest.builder()
                    .prompt(encoder.encode(prompt))
                    .sampling(sampling)
                    .maxTokens(maxOutputTokens)
                    .stopSequences(stopSequences)
                    .build();
        }
    }
}
