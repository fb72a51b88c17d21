package io.github.rwkv4j.engine.state;

import java.util.List;
import java.util.Optional;

/**
 * Keeps states under a bound of bytes: the least recently used go first, and so do those older than the store's limit.
 * A state is written once and never changed, so that any number of threads and processes may share a store.
 *
 * <p>The data is opaque to a store. Every method throws {@link
 * io.github.rwkv4j.engine.errors.StateStoreException} when the store can't be reached or is full.
 */
public interface StateStore extends AutoCloseable {
    /** Saves a state; it is durable, as far as the store is, when the method returns. */
    void save(StateEntry entry, byte[] data);

    /** The data of a state; none if it was never saved, has expired, or made room for others. */
    Optional<byte[]> find(String tenant, String id);

    /** The entry of the first of {@code prefixes} that a state of the tenant has. */
    Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes);

    /** A tenant's entries, newest first. */
    List<StateEntry> list(String tenant);

    /** Deletes one state; returns whether there was one. */
    boolean delete(String tenant, String id);

    /** Deletes all states of a conversation; returns how many there were. */
    int deleteConversation(String tenant, String conversation);

    /** What the store holds, of all tenants. */
    Usage usage();

    /**
     * @param states how many
     * @param bytes of their data
     */
    record Usage(long states, long bytes) {}

    @Override
    void close();
}
