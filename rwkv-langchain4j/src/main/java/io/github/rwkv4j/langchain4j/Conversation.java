package io.github.rwkv4j.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.state.Snapshot;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A conversation up to one of its turns, for those who want more than a chat memory: it can be gone on from as often as one
 * likes, gone back in, compared with another, and carried to another place as a file.
 *
 * <p>Immutable. {@link #say} returns the conversation with one more turn and leaves this one as it was, so a fork is to say
 * two things to the same conversation:
 *
 * <pre>{@code
 * Conversation trip = Conversation.with(model).say("I have a week in May.");
 * Conversation north = trip.say("Plan a week in Norway.");
 * Conversation south = trip.say("Plan a week in Portugal.");
 * }</pre>
 *
 * The past of each is a state in the model's store, and costs nothing to go on from.
 */
public final class Conversation {
    private final RwkvChatModel model;
    private final ChatRequestParameters parameters;
    private final List<ChatMessage> messages;
    private final Optional<ChatResponse> last;

    private Conversation(
            RwkvChatModel model,
            ChatRequestParameters parameters,
            List<ChatMessage> messages,
            Optional<ChatResponse> last) {
        this.model = model;
        this.parameters = parameters;
        this.messages = List.copyOf(messages);
        this.last = last;
    }

    /** A conversation in which nothing has been said. */
    public static Conversation with(RwkvChatModel model) {
        return of(model, List.of());
    }

    /** A conversation about a document, which has been read already. */
    public static Conversation about(DocumentState document, RwkvChatModel model) {
        return of(model, List.of(document.message()));
    }

    /** The conversation of messages from elsewhere, such as those of a chat memory. */
    public static Conversation of(RwkvChatModel model, List<ChatMessage> messages) {
        return new Conversation(model, ChatRequestParameters.builder().build(), messages, Optional.empty());
    }

    /** The same, with parameters for all requests to come, such as a tenant. */
    public Conversation withParameters(ChatRequestParameters other) {
        return new Conversation(model, other, messages, last);
    }

    /** The conversation with one more turn: {@code text} and the model's answer. */
    public Conversation say(String text) {
        List<ChatMessage> asked = with(messages, UserMessage.from(text));
        ChatResponse response = model.chat(request(asked));
        return new Conversation(model, parameters, with(asked, response.aiMessage()), Optional.of(response));
    }

    /** The last answer; empty where there is none. */
    public String answer() {
        return !messages.isEmpty() && messages.getLast() instanceof AiMessage said ? said.text() : "";
    }

    /** The response that ended the last turn, with what it cost; none where no turn was made by {@link #say}. */
    public Optional<ChatResponse> response() {
        return last;
    }

    public List<ChatMessage> messages() {
        return messages;
    }

    /** Number of answers. */
    public int turns() {
        return (int) messages.stream().filter(AiMessage.class::isInstance).count();
    }

    /**
     * The conversation as it was after its first {@code turns} answers.
     *
     * @throws IllegalArgumentException if it has fewer
     */
    public Conversation rewind(int turns) {
        if (turns < 0 || turns > turns()) {
            throw new IllegalArgumentException(
                    "The conversation has %d turns: it can't go back to %d".formatted(turns(), turns));
        }
        int end = turns == 0
                ? (int) messages.stream()
                        .takeWhile(SystemMessage.class::isInstance)
                        .count()
                : 0;
        for (int seen = 0; seen < turns; end++) {
            seen += messages.get(end) instanceof AiMessage ? 1 : 0;
        }
        return new Conversation(
                model, parameters, messages.subList(0, end), end == messages.size() ? last : Optional.empty());
    }

    /**
     * How two conversations with the same model differ once both have been asked {@code question}, which neither answers.
     *
     * @param sharedMessages how many messages they begin with alike
     * @param stateDistance Euclidean distance of the two states, divided by the mean of their lengths; 0 where they are equal
     * @param divergence Jensen-Shannon divergence, in bits, of what the answer may begin with: 0 where both expect the same
     *     token, 1 where they agree on nothing
     */
    public record Comparison(int sharedMessages, double stateDistance, double divergence) {}

    /**
     * Compares two branches.
     *
     * @throws IllegalArgumentException if the other conversation has another model
     */
    public Comparison compare(Conversation other, String question) {
        if (model.chat().engine() != other.model.chat().engine()) {
            throw new IllegalArgumentException("Only conversations with the same model can be compared");
        }
        int shared = 0;
        while (shared < Math.min(messages.size(), other.messages.size())
                && said(messages.get(shared)).equals(said(other.messages.get(shared)))) {
            shared++;
        }
        Expectation here = expectation(question);
        Expectation there = other.expectation(question);
        return new Comparison(
                shared,
                Distances.relative(here.state(), there.state()),
                Distances.jensenShannon(here.logits(), there.logits()));
    }

    /** A message as it was said, whatever handle it carries. */
    private static String said(ChatMessage message) {
        return ChatTemplate.WORLD.conversation(List.of(message));
    }

    private record Expectation(float[] state, float[] logits) {}

    private Expectation expectation(String question) {
        List<ChatMessage> asked = with(messages, UserMessage.from(question));
        return after(model.chat().template().question(asked, Thinking.OFF), asked, (past, rest) -> {
            float[] logits = past.session().logits(rest);
            return new Expectation(past.session().snapshot().state(), logits);
        });
    }

    /**
     * Writes the conversation to a file, with its state.
     *
     * @throws java.io.UncheckedIOException if the file can't be written
     */
    public void exportTo(Path file) {
        Prompt told = model.chat().template().story(messages);
        Snapshot snapshot = after(told, messages, (past, rest) -> {
            Session session = past.session();
            if (rest.length > 0) {
                session.feed(rest);
            }
            PastNote note = past.note()
                    .with(told.turns().subList(past.turns(), told.turns().size()));
            return session.snapshot().withNote(note.encode());
        });
        new ConversationFile(messages, snapshot).write(file);
    }

    /**
     * Reads a conversation from a file and stores its state, for the tenant that the parameters name. Who made the file is
     * trusted with what the state holds.
     *
     * @throws dev.langchain4j.exception.InvalidRequestException if it is no such file, damaged, or of another model
     * @throws IllegalStateException if the model was built without {@code states}
     * @throws java.io.UncheckedIOException if the file can't be read
     */
    public static Conversation importFrom(Path file, RwkvChatModel model, RwkvChatRequestParameters parameters) {
        ConversationMemory memory = model.chat().requireMemory();
        return RwkvExceptionMapper.INSTANCE.withExceptionMapper(() -> {
            ConversationFile read = ConversationFile.read(file);
            Conversation bare = of(model, read.messages()).withParameters(parameters);
            ConversationMemory.Wanted wanted =
                    bare.wanted(model.chat().template().story(read.messages()), read.messages());
            PastNote note = memory.requirePast(read.snapshot(), wanted);
            String handle = memory.put(
                    wanted.tenant(), note.conversation(), read.snapshot().withNote(note.encode()));
            return of(model, withHandle(read.messages(), handle)).withParameters(parameters);
        });
    }

    private static List<ChatMessage> withHandle(List<ChatMessage> messages, String handle) {
        if (messages.isEmpty() || !(messages.getLast() instanceof AiMessage said)) {
            return messages;
        }
        AiMessage known = AiMessage.builder()
                .text(said.text())
                .thinking(said.thinking())
                .attributes(Map.of(ConversationMemory.HANDLE, handle))
                .build();
        return with(messages.subList(0, messages.size() - 1), known);
    }

    @FunctionalInterface
    private interface Reading<T> {
        /** @param rest tokens that the past has not seen */
        T of(ConversationMemory.Past past, int[] rest);
    }

    private <T> T after(Prompt prompt, List<ChatMessage> told, Reading<T> reading) {
        return RwkvExceptionMapper.INSTANCE.withExceptionMapper(() -> {
            ConversationMemory.Wanted wanted = wanted(prompt, told);
            ConversationMemory.Past past = model.chat().resume(wanted);
            try (Session _ = past.session()) {
                int[] tokens = wanted.tokens().tokens();
                return reading.of(past, Arrays.copyOfRange(tokens, past.tokens(), tokens.length));
            }
        });
    }

    private ConversationMemory.Wanted wanted(Prompt prompt, List<ChatMessage> told) {
        return model.chat().wanted(request(told), model.chat().defaults().overrideWith(parameters), prompt);
    }

    private ChatRequest request(List<ChatMessage> told) {
        return ChatRequest.builder().messages(told).parameters(parameters).build();
    }

    private static List<ChatMessage> with(List<ChatMessage> messages, ChatMessage next) {
        return Stream.concat(messages.stream(), Stream.of(next)).toList();
    }
}
