package io.github.rwkv4j.langchain4j;

import java.time.Duration;

/** Hears what states save and cost, to make metrics of. Called by the threads of the requests: be quick. */
public interface StateListener {
    /** Listens to nothing. */
    StateListener NONE = new StateListener() {};

    /** How a state was found. */
    enum Source {
        /** By the handle that an earlier reply carries. */
        HANDLE,
        /** By the tokens that the prompt begins with. */
        PREFIX
    }

    /** Why a handle was of no use. */
    enum MissReason {
        /** Neither a handle nor a state of any beginning of the prompt: the past is fed. */
        NOTHING_KNOWN,
        /** The handle's state was never saved here, has expired, made room for others, or is another tenant's. */
        UNKNOWN,
        /** The messages before are not the last ones of those that the state has seen. */
        EDITED,
        /** The messages before are not all of those that the state has seen, and the request asks for that. */
        FORGOTTEN,
        /** The system message is another. */
        OTHER_SYSTEM,
        /** The state belongs to another model. */
        OTHER_MODEL,
        /** The state is damaged, of a newer format, or sealed with another key. */
        DAMAGED,
        /** The past and the new messages are longer than the model can read. */
        TOO_LONG,
        /** The store failed. */
        STORE_FAILED
    }

    /**
     * A request goes on from a state.
     *
     * @param tokens tokens of its prompt that need not be fed
     * @param loading what it took to find, load and restore the state
     */
    default void onHit(Source source, int tokens, Duration loading) {}

    /** A handle, or at last the prompt itself, was of no use. */
    default void onMiss(MissReason reason) {}

    /** A state was saved. */
    default void onSave(long bytes, Duration saving) {}

    /** A state was not saved; the reply goes out without a handle. */
    default void onSaveFailed(RuntimeException error) {}
}
