package io.github.rwkv4j.examples.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Watches this process's memory, where the system (Linux) tells of it; elsewhere everything is 0. */
final class MemoryWatch implements AutoCloseable {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final long INTERVAL_MILLIS = 10;

    private final Thread thread;
    private volatile long peakAnonymous;
    private volatile boolean closed;

    MemoryWatch() {
        thread = Thread.ofPlatform().daemon().name("memory-watch").start(this::watch);
    }

    private void watch() {
        while (!closed) {
            peakAnonymous = Math.max(peakAnonymous, read("RssAnon:"));
            try {
                Thread.sleep(INTERVAL_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** The system keeps no peak of this one: it is the largest of what was seen every 10 ms. */
    long peakAnonymousBytes() {
        return Math.max(peakAnonymous, read("RssAnon:"));
    }

    long peakResidentBytes() {
        return read("VmHWM:");
    }

    private static long read(String name) {
        if (!Files.exists(STATUS)) {
            return 0;
        }
        try (var lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith(name))
                    .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
    }
}
