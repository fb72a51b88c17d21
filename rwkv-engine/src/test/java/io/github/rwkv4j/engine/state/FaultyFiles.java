package io.github.rwkv4j.engine.state;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A disk that fails as disks do: operations fail at random, a full disk takes half of a file, and a power cut takes every
 * name that was not made durable with its directory or the end of such a file, and brings back what was deleted so.
 */
final class FaultyFiles implements StateFiles {
    private final Random random;

    /** Names that exist, but that a power cut takes back: the directory was not synced since. */
    private final Map<Path, Path> unsynced = new HashMap<>();

    /** What was deleted, but comes back after a power cut. */
    private final Map<Path, byte[]> deleted = new HashMap<>();

    private int faultsPerHundred;

    FaultyFiles(long seed) {
        this.random = new Random(seed);
    }

    /** From now on so many of a hundred operations fail. */
    void fail(int perHundred) {
        faultsPerHundred = perHundred;
    }

    private boolean fails() {
        return random.nextInt(100) < faultsPerHundred;
    }

    @Override
    public synchronized void write(Path file, byte[] content) throws IOException {
        if (fails()) {
            Files.write(file, Arrays.copyOf(content, random.nextInt(content.length)));
            throw new IOException("No space left on device");
        }
        StateFiles.super.write(file, content);
    }

    @Override
    public synchronized void move(Path from, Path to) throws IOException {
        if (fails()) {
            throw new IOException("Input/output error");
        }
        StateFiles.super.move(from, to);
        unsynced.put(to, from);
    }

    @Override
    public synchronized void sync(Path directory) throws IOException {
        if (fails()) {
            throw new IOException("Input/output error");
        }
        unsynced.keySet().removeIf(file -> directory.equals(file.getParent()));
        deleted.keySet().removeIf(file -> directory.equals(file.getParent()));
    }

    @Override
    public synchronized void delete(Path file) throws IOException {
        if (fails()) {
            throw new IOException("Input/output error");
        }
        if (Files.exists(file)) {
            deleted.put(file, read(file));
        }
        StateFiles.super.delete(file);
        unsynced.remove(file);
    }

    /** A power cut: what was never synced is gone, or is a file without its end; what was deleted may be back. */
    synchronized void cutPower() throws IOException {
        for (Map.Entry<Path, byte[]> file : deleted.entrySet()) {
            if (random.nextBoolean()) {
                Files.write(file.getKey(), file.getValue());
            }
        }
        deleted.clear();
        List<Path> lost = new ArrayList<>(unsynced.keySet());
        for (Path file : lost) {
            if (random.nextBoolean()) {
                Files.deleteIfExists(file);
            } else if (Files.exists(file)) {
                byte[] whole = Files.readAllBytes(file);
                Files.write(file, Arrays.copyOf(whole, random.nextInt(whole.length)));
            }
        }
        unsynced.clear();
    }
}
