package io.github.rwkv4j.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.langchain4j.StateListener.MissReason;
import io.github.rwkv4j.langchain4j.StateListener.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the past of a prompt in a store, and puts pasts there. Whatever is wrong with the store makes an answer slower,
 * and never another one.
 */
final class ConversationMemory {
    /** The attribute of an {@link AiMessage} that holds the id of the state after it. */
    static final String HANDLE = "rwkv.state";

    private static final Logger LOG = LoggerFactory.getLogger(ConversationMemory.class);
    private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");

    /** After so many handles of no use, the latest first, older ones are not tried. */
    private static final int MOST_HANDLES = 8;

    private final Rwkv engine;
    private final SnapshotStore store;
    private final StateListener listener;
    private final AtomicBoolean failing = new AtomicBoolean();

    ConversationMemory(Rwkv engine, SnapshotStore store, StateListener listener) {
        this.engine = engine;
        this.store = store;
        this.listener = listener;
    }

    /**
     * A prompt whose past is wanted.
     *
     * @param conversation the name to store states under; none for that of the past, or a new one
     * @param messages those that {@code prompt.turns()} were made of
     * @param windowForgets whether a state may only be used if its messages are all there, none evicted
     */
    record Wanted(
            String tenant,
            Optional<String> conversation,
            List<ChatMessage> messages,
            Prompt prompt,
            PromptEncoder.Encoded tokens,
            boolean endOfTextFirst,
            boolean windowForgets) {

        PastNote start(String name) {
            return PastNote.start(conversation.orElse(name), endOfTextFirst, prompt.system());
        }
    }

    /**
     * A session that has seen the beginning of a prompt.
     *
     * @param turns how many of the prompt's turns
     * @param tokens how many of its tokens
     * @param note what it has seen, in all
     */
    record Past(Session session, int turns, int tokens, PastNote note) {}

    /** The longest known past of a prompt, in a session that the caller closes; a new one if none is known. */
    Past resume(Wanted wanted) {
        Search search = new Search(wanted);
        long start = System.nanoTime();
        Optional<Past> byHandle = search.byHandle();
        Optional<Past> found = byHandle.or(search::byPrefix);
        if (found.isEmpty()) {
            listener.onMiss(MissReason.NOTHING_KNOWN);
            return new Past(engine.newSession(), 0, 0, wanted.start(store.newId()));
        }
        Source source = byHandle.isPresent() ? Source.HANDLE : Source.PREFIX;
        listener.onHit(source, found.get().tokens(), Duration.ofNanos(System.nanoTime() - start));
        return found.get();
    }

    /** Saves the state of a session, which no request is using; returns its handle, none if that failed. */
    Optional<String> save(String tenant, PastNote note, Session session) {
        try {
            return Optional.of(
                    put(tenant, note.conversation(), session.snapshot().withNote(note.encode())));
        } catch (RuntimeException e) {
            saveFailed(e);
            return Optional.empty();
        }
    }

    /** Saves the state after a system part, which no conversation owns alone. */
    void saveSystem(String tenant, PastNote note, Session session) {
        try {
            putSystem(tenant, note, session);
        } catch (RuntimeException e) {
            saveFailed(e);
        }
    }

    /** As {@link #saveSystem}, failing where the store does. */
    void putSystem(String tenant, PastNote note, Session session) {
        Snapshot snapshot = session.snapshot();
        put(tenant, snapshot.history(), snapshot.withNote(note.encode()));
    }

    /** Saves a snapshot, failing where the store does; returns its handle. */
    String put(String tenant, String conversation, Snapshot snapshot) {
        long start = System.nanoTime();
        StateEntry entry = store.save(tenant, conversation, snapshot);
        listener.onSave(entry.bytes(), Duration.ofNanos(System.nanoTime() - start));
        failing.set(false);
        return entry.id();
    }

    void saveFailed(RuntimeException error) {
        logOnce(error);
        listener.onSaveFailed(error);
    }

    /** Whether the state after all of {@code tokens} is there, failing where the store does. */
    boolean knows(String tenant, int[] tokens) {
        return store.findByPrefix(tenant, engine.historyOf(tokens, tokens.length))
                .isPresent();
    }

    /**
     * What a snapshot from elsewhere has seen.
     *
     * @throws SnapshotException if it is of another model, or not the past that is wanted
     */
    PastNote requirePast(Snapshot snapshot, Wanted wanted) {
        engine.newSession(snapshot).close();
        PastNote visible = wanted.start(store.newId()).with(wanted.prompt().turns());
        PastNote note = PastNote.decode(snapshot.note())
                .filter(known -> known.hasSystemOf(visible) && known.endsWith(visible))
                .orElseThrow(() -> new SnapshotException("The state is not that of the messages beside it"));
        return note.named(visible.conversation());
    }

    private void logOnce(RuntimeException error) {
        if (failing.compareAndSet(false, true)) {
            LOG.warn("States can't be kept or found for now, so that conversations are read again: {}", error, error);
        }
    }

    /** One search for a past. */
    private final class Search {
        private final Wanted wanted;
        private boolean missed;
        private boolean failed;

        Search(Wanted wanted) {
            this.wanted = wanted;
        }

        Optional<Past> byHandle() {
            int tries = 0;
            for (int i = wanted.messages().size() - 1; i >= 0 && tries < MOST_HANDLES && !failed; i--) {
                if (wanted.messages().get(i) instanceof AiMessage answer
                        && answer.attributes().get(HANDLE) instanceof String handle) {
                    Optional<Past> past = of(handle, i + 1);
                    if (past.isPresent()) {
                        return past;
                    }
                    tries++;
                }
            }
            return Optional.empty();
        }

        /** The past of a handle, whose message is the last of the first {@code turns}. */
        private Optional<Past> of(String handle, int turns) {
            Optional<Snapshot> found =
                    ID.matcher(handle).matches() ? load(() -> store.find(wanted.tenant(), handle)) : Optional.empty();
            Optional<PastNote> known = found.flatMap(this::note);
            if (found.isEmpty() || known.isEmpty()) {
                return miss(MissReason.UNKNOWN);
            }
            PastNote note = known.get();
            PastNote visible = wanted.start("").with(wanted.prompt().turns().subList(0, turns));
            if (!note.hasSystemOf(visible)) {
                return miss(MissReason.OTHER_SYSTEM);
            }
            if (!note.endsWith(visible)) {
                return miss(MissReason.EDITED);
            }
            if (wanted.windowForgets() && !note.isAllOf(visible)) {
                return miss(MissReason.FORGOTTEN);
            }
            return past(
                    found.get(), turns, wanted.conversation().map(note::named).orElse(note));
        }

        /** The past that begins as the prompt does, token by token, up to the end of a turn. */
        Optional<Past> byPrefix() {
            int[] ends = wanted.tokens().ends();
            int first = wanted.prompt().system().isEmpty() ? 1 : 0;
            int count = 0;
            while (first + count < ends.length
                    && ends[first + count] <= wanted.tokens().common()) {
                count++;
            }
            int[] candidates = Arrays.copyOfRange(ends, first, first + count);
            List<String> histories =
                    new ArrayList<>(engine.historyOf(wanted.tokens().kept(), candidates));
            if (failed || histories.isEmpty()) {
                return Optional.empty();
            }
            Optional<Snapshot> found = load(() -> store.findByPrefix(wanted.tenant(), histories.reversed()));
            if (found.isEmpty()) {
                return Optional.empty();
            }
            int turns = first + histories.indexOf(found.get().history());
            // What was saved after a system part alone belongs to no conversation.
            String conversation = note(found.get())
                    .filter(note -> note.count() > 0)
                    .map(PastNote::conversation)
                    .orElseGet(store::newId);
            return past(
                    found.get(),
                    turns,
                    wanted.start(conversation).with(wanted.prompt().turns().subList(0, turns)));
        }

        private Optional<Past> past(Snapshot snapshot, int turns, PastNote note) {
            if (!snapshot.model().equals(engine.fingerprint())) {
                return miss(MissReason.OTHER_MODEL);
            }
            Session session;
            try {
                session = engine.newSession(snapshot);
            } catch (SnapshotException e) {
                logOnce(e);
                return miss(MissReason.DAMAGED);
            }
            int tokens = wanted.tokens().ends()[turns];
            // One more, for an answer.
            if (session.room() <= wanted.tokens().tokens().length - tokens) {
                session.close();
                return miss(MissReason.TOO_LONG);
            }
            return Optional.of(new Past(session, turns, tokens, note));
        }

        private Optional<PastNote> note(Snapshot snapshot) {
            try {
                return PastNote.decode(snapshot.note());
            } catch (SnapshotException e) {
                logOnce(e);
                miss(MissReason.DAMAGED);
                return Optional.empty();
            }
        }

        private Optional<Snapshot> load(Supplier<Optional<Snapshot>> from) {
            try {
                Optional<Snapshot> found = from.get();
                failing.set(false);
                return found;
            } catch (SnapshotException e) {
                logOnce(e);
                miss(MissReason.DAMAGED);
                return Optional.empty();
            } catch (RuntimeException e) {
                logOnce(e);
                failed = true;
                miss(MissReason.STORE_FAILED);
                return Optional.empty();
            }
        }

        /** Of several handles of no use only the latest counts, for the first reason. */
        private Optional<Past> miss(MissReason reason) {
            if (!missed) {
                missed = true;
                listener.onMiss(reason);
            }
            return Optional.empty();
        }
    }
}
