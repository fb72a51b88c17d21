package io.github.rwkv4j.langchain4j;

import dev.langchain4j.data.message.SystemMessage;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.state.SnapshotStore;
import java.util.List;

/**
 * A text that has been read before anybody asks about it: its state is stored, and a conversation that begins with {@link
 * #message} goes on from there, so that a question costs only the question. In an AI service the text is the system
 * message; a {@link Conversation} begins from it with {@link Conversation#about}.
 *
 * <p>The state is found by what the conversation begins with: after a restart too, on every replica that shares the store,
 * and as often as asked. Should the store have dropped it, the text is read again with the first question.
 */
public final class DocumentState {
    private final SystemMessage message;
    private final int tokens;
    private final boolean wasKnown;

    private DocumentState(SystemMessage message, int tokens, boolean wasKnown) {
        this.message = message;
        this.tokens = tokens;
        this.wasKnown = wasKnown;
    }

    /**
     * Reads a text and stores the state, unless one is known.
     *
     * @param text the document, with what is to be done with it, if anything, before or after
     * @param tenant whose it is, such as {@link TenantResolver#DEFAULT_TENANT}, or {@link SnapshotStore#PUBLIC} for a text
     *     that every tenant may know
     * @throws IllegalStateException if the model was built without {@code states}
     * @throws dev.langchain4j.exception.LangChain4jException if the state can't be stored
     */
    public static DocumentState prepare(RwkvChatModel model, String tenant, String text) {
        return prepare(model.chat(), tenant, text);
    }

    /** As {@link #prepare(RwkvChatModel, String, String)}. */
    public static DocumentState prepare(RwkvStreamingChatModel model, String tenant, String text) {
        return prepare(model.chat(), tenant, text);
    }

    private static DocumentState prepare(Chat chat, String tenant, String text) {
        ConversationMemory memory = chat.requireMemory();
        return RwkvExceptionMapper.INSTANCE.withExceptionMapper(() -> {
            SystemMessage message = SystemMessage.from(text);
            Prompt prompt = chat.template().story(List.of(message));
            int[] tokens = chat.encoder().encode(prompt).tokens();
            boolean known = memory.knows(Chat.named("tenant", tenant), tokens);
            if (!known) {
                try (Session session = chat.engine().newSession()) {
                    session.feed(tokens);
                    PastNote note = PastNote.start("", chat.encoder().endOfTextFirst(), prompt.system());
                    memory.putSystem(tenant, note, session);
                }
            }
            return new DocumentState(message, tokens.length, known);
        });
    }

    /** What a conversation about the document begins with. */
    public SystemMessage message() {
        return message;
    }

    /** How many tokens are read before any question. */
    public int tokens() {
        return tokens;
    }

    /** Whether the state was in the store before. */
    public boolean wasKnown() {
        return wasKnown;
    }
}
