package io.github.rwkv4j.examples.bench;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import io.github.rwkv4j.engine.Generation;
import io.github.rwkv4j.engine.GenerationListener;
import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import io.github.rwkv4j.langchain4j.ChatTemplate;
import io.github.rwkv4j.langchain4j.Thinking;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** A conversation whose past is a session: each turn feeds what the session hasn't seen, and no token twice. */
final class Conversation {
    private static final String END_OF_TURN = "\n\n";

    private final Session session;
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final Optional<String> system;
    private final Sampling sampling;
    private final int maxTokens;

    /** What the session has yet to be fed before the next turn. */
    private int[] unfed = {};

    Conversation(
            Session session,
            Tokenizer tokenizer,
            ChatTemplate template,
            Optional<String> system,
            Sampling sampling,
            int maxTokens) {
        this.session = session;
        this.tokenizer = tokenizer;
        this.template = template;
        this.system = system;
        this.sampling = sampling;
        this.maxTokens = maxTokens;
    }

    /** An answer that is being generated; {@link #finish} waits for its end, after which comes the next turn. */
    final class Answer {
        private final int[] prompt;
        private final long before = session.position();
        private final Generation generation;

        private Answer(int[] prompt, GenerationListener listener) {
            this.prompt = prompt;
            this.generation = session.generate(
                    GenerationRequest.builder()
                            .prompt(prompt)
                            .sampling(sampling)
                            .maxTokens(maxTokens)
                            .stopSequences(List.of(END_OF_TURN))
                            .build(),
                    listener);
        }

        /** Stops at the next token; what was said until then stays said. */
        void cancel() {
            generation.cancel();
        }

        GenerationResult finish() throws InterruptedException {
            GenerationResult result = generation.await();
            int[] said = result.tokens();
            if (said.length > 0
                    && said[said.length - 1] == tokenizer.endOfText().orElse(-1)) {
                said = Arrays.copyOf(said, said.length - 1);
            }
            // All that was to be in the past; a cancel may have come before the last of it.
            int[] turn = concatenated(prompt, said);
            int[] left = Arrays.copyOfRange(turn, (int) (session.position() - before), turn.length);
            unfed = concatenated(left, tokenizer.encode(missingEnd(tokenizer.decode(said))));
            return result;
        }
    }

    /** What ends a turn that was stopped by its length, by the end of the text or by a person. */
    private static String missingEnd(String said) {
        return said.contains(END_OF_TURN) ? "" : said.endsWith("\n") ? "\n" : END_OF_TURN;
    }

    Answer say(String message, GenerationListener listener) {
        boolean first = session.position() == 0 && unfed.length == 0;
        List<ChatMessage> messages = new ArrayList<>();
        if (first) {
            system.map(SystemMessage::from).ifPresent(messages::add);
        }
        messages.add(UserMessage.from(message));
        int[] turn = tokenizer.encode(template.prompt(messages, Thinking.OFF));
        if (first && template.beginsWithEndOfText()) {
            turn = concatenated(tokenizer.endOfText().stream().toArray(), turn);
        }
        return new Answer(concatenated(unfed, turn), listener);
    }

    private static int[] concatenated(int[] first, int[] second) {
        return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
    }
}
