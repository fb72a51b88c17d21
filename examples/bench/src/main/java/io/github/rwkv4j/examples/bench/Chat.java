package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.FinishReason;
import io.github.rwkv4j.engine.GenerationListener;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.langchain4j.ChatTemplate;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import sun.misc.Signal;

/** Talks to a model. */
@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Talks to a model in the terminal: a line is a message, the answer is printed as it comes.",
            "Ctrl-C stops an answer, or ends the program where there is none; the end of the input ends it too."
        })
final class Chat implements Callable<Integer> {
    /** What a shell reports of a program that Ctrl-C ended. */
    private static final int INTERRUPTED = 130;

    @Parameters(paramLabel = "FILE", description = "Checkpoint, with its vocabulary beside it.")
    private Path model = Path.of("");

    @Option(names = "--system", paramLabel = "TEXT", description = "What the model is told before the conversation.")
    private Optional<String> system = Optional.empty();

    @Option(
            names = "--initial-state",
            paramLabel = "FILE",
            description = "A trained state to start from instead of an empty past (RWKV-5 to RWKV-7).")
    private Optional<Path> initialState = Optional.empty();

    @Option(
            names = "--template",
            paramLabel = "NAME",
            description = "${COMPLETION-CANDIDATES} (default: by the model's name and generation).")
    private Optional<ChatTemplate> template = Optional.empty();

    @Option(names = "--greedy", description = "Always take the likeliest token.")
    private boolean greedy;

    @Option(names = "--seed", description = "The same seed gives the same answers.")
    private OptionalLong seed = OptionalLong.empty();

    @Option(names = "--max-tokens", defaultValue = "1024", description = "Most tokens of an answer (default: 1024).")
    private int maxTokens;

    @Mixin
    private QuantizeOption quantize = new QuantizeOption();

    private final AtomicReference<Conversation.@Nullable Answer> current = new AtomicReference<>();

    @Override
    public Integer call() throws Exception {
        RwkvOptions options = RwkvOptions.builder()
                .maxSessions(1)
                .quantization(quantize.quantization())
                .build();
        try (Rwkv opened = Rwkv.open(model, options);
                Session session = initialState
                        .map(file -> opened.newSession(opened.initialState(file)))
                        .orElseGet(opened::newSession)) {
            ChatTemplate form = template.orElseGet(() -> ChatTemplate.ofModel(opened.info()));
            talk(new Conversation(session, opened.tokenizer(), form, system, sampling(form), maxTokens));
        }
        return 0;
    }

    private Sampling sampling(ChatTemplate form) {
        Sampling.Builder sampling = (greedy ? Sampling.GREEDY : form.sampling()).toBuilder();
        seed.ifPresent(sampling::seed);
        return sampling.build();
    }

    private void talk(Conversation conversation) throws IOException, InterruptedException {
        Signal.handle(new Signal("INT"), _ -> stop());
        boolean person = System.console() != null && System.console().isTerminal();
        BufferedReader input = new BufferedReader(
                new InputStreamReader(System.in, Charset.forName(System.getProperty("stdin.encoding"))));
        while (true) {
            if (person) {
                System.out.print("> ");
                System.out.flush();
            }
            String message = input.readLine();
            if (message == null) {
                return;
            }
            if (!message.isBlank()) {
                answer(conversation, message);
            }
        }
    }

    private void stop() {
        Conversation.Answer answer = current.get();
        if (answer == null) {
            System.exit(INTERRUPTED);
        } else {
            answer.cancel();
        }
    }

    private void answer(Conversation conversation, String message) throws InterruptedException {
        Conversation.Answer answer = conversation.say(message, new Printer());
        current.set(answer);
        boolean stopped = answer.finish().finishReason() == FinishReason.CANCELLED;
        current.set(null);
        System.out.println(stopped ? " [stopped]" : "");
    }

    /** Leaves out the space between the role's label and the answer. */
    private static final class Printer implements GenerationListener {
        private boolean begun;

        @Override
        public void onText(String text) {
            String shown = begun ? text : text.stripLeading();
            begun |= !shown.isEmpty();
            System.out.print(shown);
            System.out.flush();
        }
    }
}
