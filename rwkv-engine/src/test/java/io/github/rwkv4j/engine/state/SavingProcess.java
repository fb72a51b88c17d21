package io.github.rwkv4j.engine.state;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Random;
import java.util.SplittableRandom;

/**
 * Saves states of conversations all the time, and tells of each on standard output when it is saved, by
 * the seed of its data.
 */
final class SavingProcess {
    private SavingProcess() {}

    /** How many conversations save at the same time. */
    static final int THREADS = 3;

    /** {@code directory seed}. */
    public static void main(String[] arguments) throws InterruptedException {
        Random random = new Random(Long.parseLong(arguments[1]));
        StateStore store = new DiskStateStore(Path.of(arguments[0]), StateLimits.ofBytes(1L << 33));
        for (int i = 0; i < THREADS; i++) {
            Thread.ofPlatform().start(() -> saveForEver(store, random));
        }
        Thread.currentThread().join();
    }

    private static void saveForEver(StateStore store, Random random) {
        while (true) {
            long seed = random.nextLong();
            byte[] data = data(seed);
            store.save(
                    new StateEntry(
                            "tenant", id(seed), "c" + (seed & 7), Entries.hex(32), 1, Instant.EPOCH, data.length),
                    data);
            System.out.println("saved " + seed);
        }
    }

    static String id(long seed) {
        return "%032x".formatted(seed);
    }

    /** About the size of a small model's state. */
    static byte[] data(long seed) {
        ByteBuffer data = ByteBuffer.allocate(4_000_000);
        SplittableRandom random = new SplittableRandom(seed);
        while (data.hasRemaining()) {
            data.putLong(random.nextLong());
        }
        return data.array();
    }
}
