package io.github.rwkv4j.examples.chat;

import java.time.Instant;
import java.util.UUID;

/** What all pieces of one answer share. */
record Completion(String id, long created, String model) {
    static Completion of(String model) {
        return new Completion("chatcmpl-" + UUID.randomUUID(), Instant.now().getEpochSecond(), model);
    }
}
