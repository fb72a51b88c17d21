package io.github.rwkv4j.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process that saves all the time is killed without warning: what it told of is there, whole. {@code -Drwkv.kills=200}
 * kills more often than every build does.
 */
class KilledProcessTest {
    private static final int KILLS = Integer.getInteger("rwkv.kills", 6);

    @TempDir
    private Path folder;

    @Test
    void everyAcknowledgedStateSurvives() throws Exception {
        Path directory = folder.resolve("states");
        Random random = new Random(KILLS);
        int insideASave = 0;
        int acknowledged = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            List<Long> saved = killed(directory, kill, random);
            acknowledged += saved.size();
            if (hasLeftovers(directory, saved)) {
                insideASave++;
            }
            try (StateStore store = new DiskStateStore(directory, StateLimits.ofBytes(1L << 33))) {
                for (long seed : saved) {
                    assertThat(store.find("tenant", SavingProcess.id(seed))).hasValue(SavingProcess.data(seed));
                }
                // Beyond them at most what was saved and not yet told of, whole as well.
                Set<String> others = new HashSet<>();
                store.list("tenant").forEach(entry -> others.add(entry.id()));
                saved.forEach(seed -> others.remove(SavingProcess.id(seed)));
                assertThat(others).hasSizeLessThanOrEqualTo(SavingProcess.THREADS);
                store.list("tenant").forEach(entry -> store.delete("tenant", entry.id()));
            }
            assertThat(leftovers(directory, ".part")).isEmpty();
        }
        System.out.printf(
                "%d kills, %d of them inside a save, %d states acknowledged, none lost or damaged%n",
                KILLS, insideASave, acknowledged);
        assertThat(acknowledged).isGreaterThan(KILLS);
        // Of a few kills most may by chance come between two saves.
        assertThat(insideASave).isGreaterThanOrEqualTo(KILLS < 100 ? 1 : KILLS / 2);
    }

    /** Runs a process and kills it at a random moment; returns the seeds of what it acknowledged. */
    private static List<Long> killed(Path directory, int seed, Random random) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SavingProcess.class.getName(),
                        directory.toString(),
                        Integer.toString(seed))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<Long> saved = new ArrayList<>();
        try (BufferedReader told =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String line = told.readLine();
            assertThat(line).as("the process saves").isNotNull();
            saved.add(seedOf(line));
            TimeUnit.MICROSECONDS.sleep(random.nextInt(100_000));
            // The process itself would close the stream that is still to be read.
            process.toHandle().destroyForcibly();
            for (line = told.readLine(); line != null; line = told.readLine()) {
                if (line.matches("saved -?\\d+")) {
                    saved.add(seedOf(line));
                }
            }
        }
        assertThat(process.waitFor()).isEqualTo(137);
        return saved;
    }

    private static long seedOf(String line) {
        return Long.parseLong(line.substring(line.indexOf(' ') + 1));
    }

    /** Whether the kill came between the beginning of a save and its acknowledgement. */
    private static boolean hasLeftovers(Path directory, List<Long> saved) throws IOException {
        return !leftovers(directory, ".part").isEmpty()
                || leftovers(directory, ".state").size() > saved.size();
    }

    private static List<Path> leftovers(Path directory, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(ending)).toList();
        }
    }
}
