package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.Session;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/** Prints logits. */
@Command(
        name = "logits",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Feeds tokens to a model and prints the logits after each of them, a line of JSON for each token.")
final class Logits implements Callable<Integer> {
    /** A line of the output. */
    private record Line(int position, int token, float[] logits) {}

    @Parameters(paramLabel = "FILE", description = "Checkpoint.")
    private Path model = Path.of("");

    @Option(names = "--tokens", required = true, split = ",", paramLabel = "ID", description = "Token ids.")
    private int[] tokens = {};

    @Option(
            names = "--chunks",
            split = ",",
            defaultValue = "16",
            paramLabel = "SIZE",
            description =
                    "How many tokens are fed at a time, in turn (default: 16). The logits are the same whatever they are.")
    private int[] chunks = {};

    @Option(
            names = "--initial-state",
            paramLabel = "FILE",
            description = "A trained state to start from instead of an empty past (RWKV-5 to RWKV-7).")
    private Optional<Path> initialState = Optional.empty();

    @Mixin
    private QuantizeOption quantize = new QuantizeOption();

    @Override
    public Integer call() throws Exception {
        for (int chunk : chunks) {
            if (chunk < 1) {
                throw new IllegalArgumentException(
                        "--chunks has %d, but a piece has at least 1 token".formatted(chunk));
            }
        }
        RwkvOptions.Builder options = RwkvOptions.builder().maxSessions(1).quantization(quantize.quantization());
        try (Rwkv opened = ModelWithoutText.open(model, options)) {
            requireInVocabulary(opened.info().vocabularySize());
            try (Session session = initialState
                    .map(file -> opened.newSession(opened.initialState(file)))
                    .orElseGet(opened::newSession)) {
                print(session);
            }
        }
        return 0;
    }

    /** Before the first line is printed, and not where the piece with the wrong id is fed. */
    private void requireInVocabulary(int size) {
        for (int token : tokens) {
            if (token < 0 || token >= size) {
                throw new IllegalArgumentException(
                        "--tokens has %d, but the model's ids are 0 to %d".formatted(token, size - 1));
            }
        }
    }

    private void print(Session session) {
        for (int at = 0, piece = 0; at < tokens.length; piece++) {
            int end = (int) Math.min(tokens.length, (long) at + chunks[piece % chunks.length]);
            for (float[] logits : session.logitsOfEach(Arrays.copyOfRange(tokens, at, end))) {
                System.out.println(JsonMapper.shared().writeValueAsString(new Line(at, tokens[at], logits)));
                at++;
            }
        }
    }
}
