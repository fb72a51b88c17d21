package io.github.rwkv4j.engine.state;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Random;

/**
 * Saves states of conversations all the time, and tells of each on standard output when it is saved: its conversation, id and
 * the seed of its data.
 */
final class SavingProcess {
    private SavingProcess() {}

    /** {@code directory seed}. */
    public static void main(String[] arguments) throws IOException {
        Random random = new Random(Long.parseLong(arguments[1]));
        try (StateStore store = new DiskStateStore(Path.of(arguments[0]), StateLimits.ofBytes(1L << 33))) {
            while (true) {
                long seed = random.nextLong();
                byte[] data = data(seed);
                StateEntry entry =
                        Entries.entry("tenant", "c" + random.nextInt(10), Instant.ofEpochMilli(seed >>> 24), data);
                entry = new StateEntry(
                        "tenant",
                        "%032x".formatted(seed),
                        entry.conversation(),
                        entry.prefix(),
                        seed & 0xFFFF,
                        entry.created(),
                        data.length);
                store.save(entry, data);
                System.out.println(entry.conversation() + " " + seed);
                System.out.flush();
            }
        }
    }

    static String id(long seed) {
        return "%032x".formatted(seed);
    }

    /** About the size of a small model's state. */
    static byte[] data(long seed) {
        byte[] data = new byte[2_000_000];
        new Random(seed).nextBytes(data);
        return data;
    }
}
