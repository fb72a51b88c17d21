package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.SnapshotException;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Snapshots in a store: encoded, sealed, checked. Each is found in two ways: by its id, which is random and known to whom it
 * was given, and by the hash of its past, from a prompt that begins with the same tokens.
 *
 * <p>Thread-safe, as its store is. Every method may throw what {@link StateStore} throws.
 */
public final class SnapshotStore implements AutoCloseable {
    /** Tenant of what was declared public: every tenant finds it. */
    public static final String PUBLIC = "*";

    private static final int ID_BYTES = 16;

    private final StateStore store;
    private final SnapshotOptions options;
    private final Optional<SnapshotCipher> cipher;
    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();

    public SnapshotStore(StateStore store, SnapshotOptions options) {
        this(store, options, InstantSource.system());
    }

    SnapshotStore(StateStore store, SnapshotOptions options, InstantSource clock) {
        this.store = store;
        this.options = options;
        this.cipher = options.key().map(SnapshotCipher::new);
        this.clock = clock;
    }

    /** Saves a snapshot under a new id; it is durable, as far as the store is, when the method returns. */
    public StateEntry save(String tenant, String conversation, Snapshot snapshot) {
        String id = newId();
        byte[] encoded = SnapshotCodec.encode(snapshot, options.encoding());
        byte[] data = cipher.isPresent() ? cipher.get().seal(tenant, id, encoded) : encoded;
        StateEntry entry = new StateEntry(
                tenant,
                id,
                conversation,
                snapshot.history(),
                snapshot.position(),
                clock.instant().truncatedTo(ChronoUnit.MILLIS),
                data.length);
        store.save(entry, data);
        return entry;
    }

    /** A new random name, of a state or a conversation: 32 hexadecimal digits. */
    public String newId() {
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    /**
     * The snapshot of an id; none if it was never saved, has expired or made room for others.
     *
     * @throws SnapshotException if it is damaged, of a newer format or sealed otherwise
     */
    public Optional<Snapshot> find(String tenant, String id) {
        return store.find(tenant, id).map(data -> decode(tenant, id, data));
    }

    /**
     * The snapshot of the first of {@code histories}, the longest, that the tenant has, or that is public.
     *
     * @throws SnapshotException as {@link #find}
     */
    public Optional<Snapshot> findByPrefix(String tenant, List<String> histories) {
        Optional<StateEntry> own = store.findByPrefix(tenant, histories);
        Optional<StateEntry> shared = tenant.equals(PUBLIC) ? Optional.empty() : store.findByPrefix(PUBLIC, histories);
        boolean useShared = shared.isPresent()
                && (own.isEmpty() || shared.get().position() > own.get().position());
        return (useShared ? shared : own).flatMap(entry -> find(entry.tenant(), entry.id()));
    }

    private Snapshot decode(String tenant, String id, byte[] data) {
        if (cipher.isPresent()) {
            return SnapshotCodec.decode(cipher.get().open(tenant, id, data));
        }
        if (SnapshotCipher.isSealed(data)) {
            throw new SnapshotException("The snapshot %s is encrypted, but the store has no key".formatted(id));
        }
        return SnapshotCodec.decode(data);
    }

    /** A tenant's entries, newest first. */
    public List<StateEntry> list(String tenant) {
        return store.list(tenant);
    }

    /** Deletes one snapshot; returns whether there was one. */
    public boolean delete(String tenant, String id) {
        return store.delete(tenant, id);
    }

    /** Deletes all snapshots of a conversation; returns how many there were. */
    public int deleteConversation(String tenant, String conversation) {
        return store.deleteConversation(tenant, conversation);
    }

    /** What the store holds, of all tenants. */
    public StateStore.Usage usage() {
        return store.usage();
    }

    /** Closes the store. */
    @Override
    public void close() {
        store.close();
    }
}
