package io.github.rwkv4j.langchain4j;

import static java.util.stream.Collectors.toMap;

import io.github.rwkv4j.demo.DemoModel;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import java.nio.file.Path;
import java.util.stream.IntStream;

/** The demo model, and the parameters that it wants. */
final class Demo {
    static final Path MODEL = DemoModel.extractTo(Path.of("target", "demo-model"));

    /** Opened once for all tests of a JVM. */
    static final Rwkv ENGINE = Rwkv.open(MODEL);

    /** Nothing but the likeliest token, as the model card asks. */
    static final RwkvChatRequestParameters GREEDY = RwkvChatRequestParameters.builder()
            .temperature(0.0)
            .presencePenalty(0.0)
            .frequencyPenalty(0.0)
            .build();

    /** Bans every token that could end an answer: the end of text, and what has a line feed. */
    static final RwkvChatRequestParameters ENDLESS = GREEDY.overrideWith(RwkvChatRequestParameters.builder()
            .tokenBias(IntStream.range(0, ENGINE.tokenizer().size())
                    .filter(id -> id == 0 || ENGINE.tokenizer().decode(id).contains("\n"))
                    .boxed()
                    .collect(toMap(id -> id, id -> Float.NEGATIVE_INFINITY)))
            .maxOutputTokens(1_000_000)
            .build());

    private Demo() {}

    static RwkvChatModel chatModel() {
        return RwkvChatModel.builder()
                .engine(ENGINE)
                .defaultRequestParameters(GREEDY)
                .build();
    }

    static RwkvStreamingChatModel streamingChatModel() {
        return RwkvStreamingChatModel.builder()
                .engine(ENGINE)
                .defaultRequestParameters(GREEDY)
                .build();
    }

    /** An engine that runs one request at a time and lets none wait. The caller closes it. */
    static Rwkv openForOneRequest() {
        return Rwkv.open(
                MODEL, RwkvOptions.builder().maxSessions(1).queueCapacity(0).build());
    }
}
