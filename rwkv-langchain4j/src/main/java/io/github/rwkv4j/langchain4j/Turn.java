package io.github.rwkv4j.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.TokenUsage;
import io.github.rwkv4j.engine.Generation;
import io.github.rwkv4j.engine.GenerationListener;
import io.github.rwkv4j.engine.GenerationRequest;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.langchain4j.ConversationMemory.Past;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One turn of a conversation. It goes on from what is known of the past, feeds what is new, generates, and keeps the state
 * for the next turn: always exactly the state of the tokens that later turns will see, so that going on from it gives the
 * same as reading everything again, bit for bit. What differs from the tokens generated (thinking, a wish to think, the
 * rest of a token after a stop sequence) is undone by going back to a checkpoint where the two part.
 *
 * <p>One thread at a time: {@link #generate}, then {@link #response}, then {@link #close}.
 */
final class Turn implements AutoCloseable {
    /** Tokens that are fed between two looks at whether the waiting thread was interrupted. */
    private static final int CHUNK = 1024;

    private final Chat chat;
    private final ConversationMemory.Wanted wanted;
    private final Thinking thinking;
    private final GenerationRequest.Builder request;
    private final long accepted = System.nanoTime();
    private Duration preparing = Duration.ZERO;
    private @Nullable Past past;
    private @Nullable Session checkpoint;

    /** @param request all but the prompt */
    Turn(Chat chat, ConversationMemory.Wanted wanted, Thinking thinking, GenerationRequest.Builder request) {
        this.chat = chat;
        this.wanted = wanted;
        this.thinking = thinking;
        this.request = request;
    }

    Thinking thinking() {
        return thinking;
    }

    /** Generates the answer; an interrupt cancels it. */
    GenerationResult generate() {
        GenerationRequest rest = prepare();
        return Generations.finished(session().generate(rest));
    }

    /** Feeds what is new and starts to generate the answer. */
    Generation generate(GenerationListener listener) {
        GenerationRequest rest = prepare();
        return session().generate(rest, listener);
    }

    private Session session() {
        if (past == null) {
            throw new IllegalStateException("The turn has not begun");
        }
        return past.session();
    }

    /** Feeds the prompt but for its end, which the request returned has. */
    private GenerationRequest prepare() {
        int[] tokens = wanted.tokens().tokens();
        past = chat.resume(wanted);
        if (chat.memory().isEmpty()) {
            return request.prompt(tokens).build();
        }
        ConversationMemory memory = chat.memory().get();
        int at = past.tokens();
        int systemEnd = wanted.tokens().ends()[0];
        if (at < systemEnd && !wanted.prompt().system().isEmpty()) {
            feed(session(), tokens, at, systemEnd);
            memory.saveSystem(wanted.tenant(), past.note(), session());
            at = systemEnd;
        }
        feed(session(), tokens, at, checkpointEnd());
        checkpoint = session().fork();
        preparing = Duration.ofNanos(System.nanoTime() - accepted);
        return request.prompt(Arrays.copyOfRange(tokens, checkpointEnd(), tokens.length))
                .build();
    }

    /** Where the tokens that the answer is generated from part from those that later turns see; one is left to feed. */
    private int checkpointEnd() {
        return Math.min(wanted.tokens().common(), wanted.tokens().tokens().length - 1);
    }

    private static void feed(Session session, int[] tokens, int from, int to) {
        for (int at = from; at < to; at += CHUNK) {
            if (Thread.currentThread().isInterrupted()) {
                throw new LangChain4jException(Generations.INTERRUPTED);
            }
            session.feed(Arrays.copyOfRange(tokens, at, Math.min(to, at + CHUNK)));
        }
    }

    /** Keeps the state, and returns the response that {@code output}, finished, and {@code result} make. */
    ChatResponse response(OutputParser output, GenerationResult result) {
        Optional<String> handle = chat.memory().flatMap(memory -> keep(memory, output.answer(), result));
        Past from = past;
        return ChatResponse.builder()
                .aiMessage(AiMessage.builder()
                        .text(output.answer())
                        .thinking(output.thinking().isEmpty() ? null : output.thinking())
                        .attributes(handle.map(id -> Map.<String, Object>of(ConversationMemory.HANDLE, id))
                                .orElse(Map.of()))
                        .build())
                .metadata(RwkvChatResponseMetadata.builder()
                        .id(UUID.randomUUID().toString())
                        .modelName(chat.engine().info().name())
                        .tokenUsage(new TokenUsage(wanted.tokens().tokens().length, result.tokens().length))
                        .finishReason(Responses.finishReason(result))
                        .timeToFirstToken(preparing.plus(result.timeToFirstToken()))
                        .tokensPerSecond(result.tokensPerSecond())
                        .implementation(chat.engine().info().implementation())
                        .cachedPromptTokens(from == null ? 0 : from.tokens())
                        .stateHandle(handle.orElse(null))
                        .conversation(
                                handle.isPresent() && from != null ? from.note().conversation() : null)
                        .build())
                .build();
    }

    private Optional<String> keep(ConversationMemory memory, String text, GenerationResult result) {
        Past from = past;
        Session parted = checkpoint;
        if (from == null || parted == null) {
            throw new IllegalStateException("The turn has not begun");
        }
        Prompt.Turn answer = chat.template().answer(text);
        try {
            Session end = kept(from.session(), parted, chat.encoder().answer(answer), result.tokens());
            List<Prompt.Turn> turns = wanted.prompt().turns();
            PastNote note = from.note()
                    .with(Stream.concat(turns.subList(from.turns(), turns.size()).stream(), Stream.of(answer))
                            .toList());
            return memory.save(wanted.tenant(), note, end);
        } catch (RuntimeException e) {
            memory.saveFailed(e);
            return Optional.empty();
        }
    }

    /** The session that has seen the prompt and the answer as later turns will see them. */
    private Session kept(Session session, Session parted, int[] answer, int[] generated) {
        int[] prompt = wanted.tokens().kept();
        boolean sawPrompt = wanted.tokens().tokens().length == wanted.tokens().common();
        int agreed = Arrays.mismatch(answer, generated);
        if (sawPrompt && (agreed < 0 || agreed == generated.length)) {
            feed(session, answer, generated.length, answer.length);
            return session;
        }
        feed(parted, prompt, checkpointEnd(), prompt.length);
        feed(parted, answer, 0, answer.length);
        return parted;
    }

    /** Frees what the turn holds; a running generation is cancelled first. Idempotent. */
    @Override
    public void close() {
        if (past != null) {
            past.session().close();
        }
        if (checkpoint != null) {
            checkpoint.close();
        }
    }
}
