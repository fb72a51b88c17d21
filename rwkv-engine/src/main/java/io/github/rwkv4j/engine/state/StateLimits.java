package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * How much a store keeps, and how long.
 *
 * @param maxBytes most bytes of all states
 * @param maxBytesPerConversation most bytes of the states of one conversation
 * @param ttl how long after it was saved a state is kept
 */
public record StateLimits(long maxBytes, Optional<Long> maxBytesPerConversation, Optional<Duration> ttl) {
    public StateLimits {
        if (maxBytes < 1 || maxBytesPerConversation.filter(most -> most < 1).isPresent()) {
            throw new IllegalArgumentException("A limit of bytes must be above 0");
        }
    }

    /** A limit of all bytes and no other. */
    public static StateLimits ofBytes(long maxBytes) {
        return new StateLimits(maxBytes, Optional.empty(), Optional.empty());
    }

    /** @throws StateStoreException if the state is larger than all that there may be */
    public void check(StateEntry entry) {
        if (!haveRoomFor(entry)) {
            throw new StateStoreException("A state of %,d bytes has no room in a store that keeps at most %,d"
                    .formatted(entry.bytes(), most()));
        }
    }

    boolean haveRoomFor(StateEntry entry) {
        return entry.bytes() <= most();
    }

    private long most() {
        return Math.min(maxBytes, maxBytesPerConversation.orElse(Long.MAX_VALUE));
    }

    /** States saved then, or before, are to be seen no more. */
    public Instant expiredUntil(Instant now) {
        return ttl.map(now::minus).orElse(Instant.EPOCH);
    }
}
