package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.Pooling;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.langchain4j.ChatTemplate;
import io.github.rwkv4j.langchain4j.RwkvChatRequestParameters;
import io.github.rwkv4j.langchain4j.Thinking;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties {@code rwkv.*}.
 *
 * @param model Model file (.safetensors, .pth, .gguf or rwkv.cpp's .bin): a path, or a file: or classpath: location. Without it the demo model
 *     is opened.
 * @param vocabulary Vocabulary file: a path, or a file: or classpath: location. Without it the engine looks beside the
 *     model file; a model inside a jar needs it.
 * @param quantization How the large matrices are kept in memory: none (as in the file), q8_0 (eight bits) or q4_0 (four bits).
 * @param threads Worker threads, 0 for as many as there are processors.
 * @param maxSessions Most requests that go through the weights together.
 * @param queueCapacity Most requests that wait for their turn; one more is refused.
 * @param prefillRows Most prompt tokens in one step, so that a long prompt lets other requests keep their pace.
 * @param demo The demo model.
 * @param chat What chat and completion requests use unless they say otherwise.
 * @param embedding Embeddings.
 * @param warm What is read at start.
 */
@ConfigurationProperties("rwkv")
record RwkvProperties(
        @Nullable String model,
        @Nullable String vocabulary,
        @DefaultValue("none") Quantization quantization,
        @DefaultValue("0") int threads,
        @DefaultValue("64") int maxSessions,
        @DefaultValue("256") int queueCapacity,
        @DefaultValue("256") int prefillRows,
        @DefaultValue Demo demo,
        @DefaultValue Chat chat,
        @DefaultValue Embedding embedding,
        @DefaultValue Warm warm) {

    RwkvProperties {
        check("rwkv.model", model, model == null || !model.isBlank(), "a file, or absent for the demo model");
        check("rwkv.threads", threads, threads >= 0 && threads <= 1024, "from 0 (all processors) to 1024");
        check("rwkv.max-sessions", maxSessions, maxSessions >= 1 && maxSessions <= 4096, "from 1 to 4096");
        check("rwkv.queue-capacity", queueCapacity, queueCapacity >= 0, "0 or more");
        check("rwkv.prefill-rows", prefillRows, prefillRows >= 1 && prefillRows <= 4096, "from 1 to 4096");
    }

    RwkvOptions options(ModelSource source) {
        RwkvOptions.Builder options = RwkvOptions.builder()
                .quantization(quantization)
                .threads(threads)
                .maxSessions(maxSessions)
                .queueCapacity(queueCapacity)
                .prefillRows(prefillRows);
        source.vocabulary().ifPresent(options::vocabulary);
        return options.build();
    }

    /**
     * The demo model.
     *
     * @param enabled Whether the demo model is opened when rwkv.model is absent; otherwise the application doesn't start.
     */
    record Demo(@DefaultValue("true") boolean enabled) {}

    /**
     * What chat and completion requests use unless they say otherwise.
     *
     * @param template How a conversation is written for the model. Without it, the template that the model's name tells.
     * @param temperature How freely tokens are drawn; 0 always takes the most likely one. Without it, the template's, and
     *     0 for the demo model.
     * @param topP Keeps the most likely tokens whose probabilities reach this sum; 1 keeps all. Without it, the
     *     template's.
     * @param topK Keeps at most this many tokens; 0 is no limit.
     * @param presencePenalty Subtracted from the logit of every token generated before. Without it, the template's, and
     *     0 for the demo model.
     * @param frequencyPenalty Subtracted once more for each time a token was generated. Without it, the template's, and
     *     0 for the demo model.
     * @param penaltyDecay What the counts of generated tokens are multiplied by with every new token.
     * @param maxOutputTokens Most tokens of one answer.
     * @param thinking Whether, and how long, a reasoning model thinks before it answers.
     * @param seed Seed of the random numbers: the same seed gives the same text. Without it, every request takes a fresh
     *     one.
     * @param stopSequences Texts that end an answer and are left out of it, besides the template's own end of turn.
     */
    record Chat(
            @Nullable ChatTemplate template,
            @Nullable Double temperature,
            @Nullable Double topP,
            @DefaultValue("0") int topK,
            @Nullable Double presencePenalty,
            @Nullable Double frequencyPenalty,
            @DefaultValue("0.996") double penaltyDecay,
            @DefaultValue("1024") int maxOutputTokens,
            @DefaultValue("off") Thinking thinking,
            @Nullable Long seed,
            @DefaultValue List<String> stopSequences) {

        Chat {
            checkRange("rwkv.chat.temperature", temperature, 0, 100);
            checkRange("rwkv.chat.top-p", topP, 0, 1);
            check("rwkv.chat.top-k", topK, topK >= 0, "0 (no limit) or more");
            checkRange("rwkv.chat.presence-penalty", presencePenalty, -100, 100);
            checkRange("rwkv.chat.frequency-penalty", frequencyPenalty, -100, 100);
            checkRange("rwkv.chat.penalty-decay", penaltyDecay, 0, 1);
            check("rwkv.chat.max-output-tokens", maxOutputTokens, maxOutputTokens >= 1, "1 or more");
            boolean complete = stopSequences.stream().noneMatch(String::isEmpty);
            check("rwkv.chat.stop-sequences", stopSequences, complete, "texts that are not empty");
        }

        private static void checkRange(String property, @Nullable Double value, int low, int high) {
            check(
                    property,
                    value,
                    value == null || (value >= low && value <= high),
                    "from %d to %d".formatted(low, high));
        }

        void ifTemplate(Consumer<ChatTemplate> use) {
            if (template != null) {
                use.accept(template);
            }
        }

        /** What chat requests use unless they say otherwise. What is null in them is the template's. */
        RwkvChatRequestParameters parameters(boolean demo, boolean windowForgets) {
            Double likeliest = demo ? 0.0 : null; // all that the demo model is good at
            return RwkvChatRequestParameters.builder()
                    .temperature(temperature != null ? temperature : likeliest)
                    .topP(topP)
                    .topK(topK)
                    .presencePenalty(presencePenalty != null ? presencePenalty : likeliest)
                    .frequencyPenalty(frequencyPenalty != null ? frequencyPenalty : likeliest)
                    .penaltyDecay(penaltyDecay)
                    .maxOutputTokens(maxOutputTokens)
                    .thinking(thinking)
                    .seed(seed)
                    .stopSequences(stopSequences)
                    .windowForgets(windowForgets)
                    .build();
        }

        /** How completions without a template are drawn. */
        Sampling sampling(boolean demo) {
            Sampling base = demo ? Sampling.GREEDY : Sampling.DEFAULT;
            Sampling.Builder sampling = base.toBuilder()
                    .temperature(temperature != null ? temperature : base.temperature())
                    .topP(topP != null ? topP : base.topP())
                    .topK(topK)
                    .presencePenalty(presencePenalty != null ? presencePenalty : base.presencePenalty())
                    .frequencyPenalty(frequencyPenalty != null ? frequencyPenalty : base.frequencyPenalty())
                    .penaltyDecay(penaltyDecay);
            return (seed != null ? sampling.seed(seed) : sampling).build();
        }
    }

    /**
     * Embeddings.
     *
     * @param pooling How the outputs of a text's tokens become one embedding: mean, or last for the output at its end.
     */
    record Embedding(@DefaultValue("mean") Pooling pooling) {}

    /**
     * What is read at start.
     *
     * @param prompts System prompts whose states are kept from the start; they are public: all tenants share these states.
     */
    record Warm(@DefaultValue List<String> prompts) {
        Warm {
            boolean said = prompts.stream().noneMatch(String::isBlank);
            check("rwkv.warm.prompts", prompts, said, "texts that are not blank");
        }
    }

    static void check(String property, @Nullable Object value, boolean valid, String expected) {
        if (!valid) {
            throw new InvalidPropertyException(property, String.valueOf(value), expected);
        }
    }
}
