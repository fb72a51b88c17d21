package io.github.rwkv4j.engine.state;

import java.time.Instant;

/**
 * What a store knows about one state besides its data.
 *
 * @param tenant whose it is; tenants never see each other's states
 * @param id random, written once: 32 hexadecimal digits
 * @param conversation the states that are deleted together and share a quota
 * @param prefix by what a prompt that begins with this past finds it ({@link Snapshot#history}); 64 hexadecimal digits
 * @param position number of tokens in the past
 * @param created when it was saved
 * @param bytes size of the data
 */
public record StateEntry(
        String tenant, String id, String conversation, String prefix, long position, Instant created, long bytes) {}
