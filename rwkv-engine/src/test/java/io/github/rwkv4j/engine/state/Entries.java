package io.github.rwkv4j.engine.state;

import java.time.Instant;
import java.util.HexFormat;
import java.util.Random;

/** Entries and data for tests of stores. */
public final class Entries {
    private static final Random RANDOM = new Random(1);

    private Entries() {}

    public static StateEntry entry(String tenant, String conversation, Instant created, byte[] data) {
        return new StateEntry(tenant, hex(16), conversation, hex(32), 7, created, data.length);
    }

    public static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        synchronized (RANDOM) {
            RANDOM.nextBytes(bytes);
        }
        return bytes;
    }

    static String hex(int bytes) {
        return HexFormat.of().formatHex(bytes(bytes));
    }
}
