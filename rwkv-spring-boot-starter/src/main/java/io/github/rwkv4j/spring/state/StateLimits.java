package io.github.rwkv4j.spring.state;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
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

    /** @throws StateStoreException if the state is larger than all that there may be */
    void check(StateEntry entry) {
        long most = Math.min(maxBytes, maxBytesPerConversation.orElse(Long.MAX_VALUE));
        if (entry.bytes() > most) {
            throw new StateStoreException("A state of %,d bytes has no room in a store that keeps at most %,d"
                    .formatted(entry.bytes(), most));
        }
    }

    /** States saved then, or before, are to be seen no more. */
    Instant expiredUntil(Instant now) {
        return ttl.map(now::minus).orElse(Instant.EPOCH);
    }
}
