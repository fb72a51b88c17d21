package io.github.rwkv4j.spring.state;

import com.zaxxer.hikari.HikariDataSource;
import io.github.rwkv4j.engine.state.DiskStateStore;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/**
 * Measures how long stores take to save and to find a state as large as that of RWKV-7 0.4B in float32, on
 * servers of this machine: the medians of 50 calls after 20 that don't count.
 */
final class StoreTimes {
    /** 24 layers of 16 heads of 64 × 64 numbers, and two rows of 1024. */
    private static final int NUMBERS = 24 * (16 * 64 * 64 + 2 * 1024);

    private static final int WARM_UP = 20;
    private static final int CALLS = 50;

    private StoreTimes() {}

    public static void main(String[] arguments) throws Exception {
        try (RealServer postgresql = RealServer.postgresql();
                RealServer redis = RealServer.redis()) {
            measure("memory", new MemoryStateStore(SharedStoreContract.UNLIMITED));
            measure("disk", new DiskStateStore(temporary("disk"), SharedStoreContract.UNLIMITED));
            measure("JDBC, H2 in a file", jdbc("jdbc:h2:file:" + temporary("h2").resolve("states")));
            measure("JDBC, PostgreSQL", jdbc(postgresql.jdbcUrl()));
            LettuceConnectionFactory connections = new LettuceConnectionFactory("localhost", redis.port());
            connections.afterPropertiesSet();
            connections.start();
            measure(
                    "Redis, fsync always",
                    new RedisStateStore(connections, "times", SharedStoreContract.UNLIMITED, InstantSource.system()));
            connections.destroy();
        }
        System.exit(0);
    }

    private static StateStore jdbc(String url) {
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl(url);
        JdbcStateSchema.create(pool);
        return new JdbcStateStore(pool, SharedStoreContract.UNLIMITED, InstantSource.system());
    }

    private static void measure(String name, StateStore store) {
        byte[] data = state();
        double[] save = new double[CALLS];
        double[] find = new double[CALLS];
        for (int i = -WARM_UP; i < CALLS; i++) {
            StateEntry entry = SharedStoreContract.entry("", "c" + i, data);
            long start = System.nanoTime();
            store.save(entry, data);
            long saved = System.nanoTime();
            byte[] found = store.find("", entry.id()).orElseThrow();
            long end = System.nanoTime();
            if (!Arrays.equals(found, data)) {
                throw new AssertionError(name);
            }
            if (i >= 0) {
                save[i] = (saved - start) / 1e6;
                find[i] = (end - saved) / 1e6;
            }
            store.delete("", entry.id());
        }
        System.out.printf(Locale.ROOT, "| %s | %,d | %.1f | %.1f |%n", name, data.length, median(save), median(find));
    }

    private static double median(double[] times) {
        Arrays.sort(times);
        return times[times.length / 2];
    }

    private static byte[] state() {
        Random random = new Random(1);
        ByteBuffer bytes = ByteBuffer.allocate(4 * NUMBERS);
        while (bytes.hasRemaining()) {
            bytes.putFloat((float) random.nextGaussian());
        }
        return bytes.array();
    }

    private static Path temporary(String name) throws IOException {
        return Files.createTempDirectory(name);
    }
}
