package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which states a store of this process has, in the order of their last use, and which must go. A cache library orders by
 * what is likely to be used again and evicts a little later; here the least recently used goes, and before the next comes.
 * Not thread-safe.
 */
final class StateIndex {
    /** A name within a tenant: an id, a conversation or a prefix. */
    private record Key(String tenant, String name) {}

    private final StateLimits limits;
    private final InstantSource clock;

    /** By id, the least recently used first. */
    private final LinkedHashMap<Key, StateEntry> entries = new LinkedHashMap<>(16, 0.75f, true);

    /** The states of a conversation, the oldest first. */
    private final Map<Key, Deque<StateEntry>> conversations = new HashMap<>();

    /** The newest state with a prefix. */
    private final Map<Key, StateEntry> prefixes = new HashMap<>();

    private long bytes;

    /** Of states that are being saved: they have room, but are not found yet. */
    private long reserved;

    StateIndex(StateLimits limits, InstantSource clock) {
        this.limits = limits;
        this.clock = clock;
    }

    /**
     * Takes out what must go for {@code entry} to have room.
     *
     * @throws StateStoreException if it has no room at all, or its id is taken
     */
    List<StateEntry> makeRoom(StateEntry entry) {
        limits.check(entry);
        if (entries.containsKey(id(entry))) {
            throw new StateStoreException("The state %s exists; states are written once".formatted(entry.id()));
        }
        if (reserved + entry.bytes() > limits.maxBytes()) {
            throw new StateStoreException(
                    "A state of %,d bytes has no room beside those that are being saved: the store keeps at most %,d"
                            .formatted(entry.bytes(), limits.maxBytes()));
        }
        List<StateEntry> gone = expire();
        if (limits.maxBytesPerConversation().isPresent()) {
            Deque<StateEntry> siblings = conversations.getOrDefault(conversation(entry), new ArrayDeque<>());
            long held = siblings.stream().mapToLong(StateEntry::bytes).sum();
            while (held + entry.bytes() > limits.maxBytesPerConversation().get()) {
                StateEntry oldest = siblings.getFirst();
                held -= oldest.bytes();
                remove(oldest);
                gone.add(oldest);
            }
        }
        while (bytes + reserved + entry.bytes() > limits.maxBytes()) {
            StateEntry leastUsed = entries.firstEntry().getValue();
            remove(leastUsed);
            gone.add(leastUsed);
        }
        return gone;
    }

    /** Adds a state that was saved earlier; returns what must go for it, or itself if today's limits have no room for it. */
    List<StateEntry> load(StateEntry entry) {
        if (isExpired(entry) || !limits.haveRoomFor(entry)) {
            return List.of(entry);
        }
        List<StateEntry> gone = makeRoom(entry);
        add(entry);
        return gone;
    }

    /** Keeps the room that was made until {@link #endReservation}. */
    void reserve(StateEntry entry) {
        reserved += entry.bytes();
    }

    void endReservation(StateEntry entry) {
        reserved -= entry.bytes();
    }

    /** Makes a state, for which there is room, be found. */
    void add(StateEntry entry) {
        bytes += entry.bytes();
        entries.put(id(entry), entry);
        conversations
                .computeIfAbsent(conversation(entry), _ -> new ArrayDeque<>())
                .add(entry);
        prefixes.put(prefix(entry), entry);
    }

    /** Takes out the expired ones; states are mostly used in the order of their age, but not always. */
    private List<StateEntry> expire() {
        List<StateEntry> gone = new ArrayList<>();
        if (limits.ttl().isPresent()) {
            for (StateEntry entry : List.copyOf(entries.values())) {
                if (isExpired(entry)) {
                    remove(entry);
                    gone.add(entry);
                }
            }
        }
        return gone;
    }

    private boolean isExpired(StateEntry entry) {
        Instant until = limits.expiredUntil(clock.instant());
        return limits.ttl().isPresent() && !entry.created().isAfter(until);
    }

    /** The entry of an id, which is used now. */
    Optional<StateEntry> use(String tenant, String id) {
        return alive(entries.get(new Key(tenant, id)));
    }

    /** The entry of the first prefix that a state has. */
    Optional<StateEntry> findByPrefix(String tenant, List<String> candidates) {
        for (String candidate : candidates) {
            Optional<StateEntry> found = alive(prefixes.get(new Key(tenant, candidate)));
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    private Optional<StateEntry> alive(@Nullable StateEntry entry) {
        return Optional.ofNullable(entry).filter(found -> !isExpired(found));
    }

    /** A tenant's entries, newest first. */
    List<StateEntry> list(String tenant) {
        return entries.values().stream()
                .filter(entry -> entry.tenant().equals(tenant) && !isExpired(entry))
                .sorted(Comparator.comparing(StateEntry::created).reversed())
                .toList();
    }

    /** Takes out a state; none if there is none. */
    Optional<StateEntry> remove(String tenant, String id) {
        StateEntry entry = entries.get(new Key(tenant, id));
        if (entry != null) {
            remove(entry);
        }
        return Optional.ofNullable(entry);
    }

    /** Takes out the states of a conversation. */
    List<StateEntry> removeConversation(String tenant, String name) {
        Deque<StateEntry> all = conversations.get(new Key(tenant, name));
        List<StateEntry> gone = all == null ? List.of() : List.copyOf(all);
        gone.forEach(this::remove);
        return gone;
    }

    private void remove(StateEntry entry) {
        entries.remove(id(entry));
        prefixes.remove(prefix(entry), entry);
        Deque<StateEntry> siblings = conversations.get(conversation(entry));
        if (siblings != null) {
            siblings.remove(entry);
            if (siblings.isEmpty()) {
                conversations.remove(conversation(entry));
            }
        }
        bytes -= entry.bytes();
    }

    StateStore.Usage usage() {
        return new StateStore.Usage(entries.size(), bytes);
    }

    private static Key id(StateEntry entry) {
        return new Key(entry.tenant(), entry.id());
    }

    private static Key conversation(StateEntry entry) {
        return new Key(entry.tenant(), entry.conversation());
    }

    private static Key prefix(StateEntry entry) {
        return new Key(entry.tenant(), entry.prefix());
    }
}
