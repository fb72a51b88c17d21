package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * States in files of a directory, one each, of one process at a time. A state is written under another name, made durable,
 * and only then given its own: whatever ends the process or the machine, each state is there whole or not at all. What was
 * left half written is cleared away when the store is opened next.
 *
 * <p>Which states there are is kept in memory, and read from the files at the start.
 */
public final class DiskStateStore implements StateStore {
    private static final Logger LOG = LoggerFactory.getLogger(DiskStateStore.class);
    private static final String STATE = ".state";
    private static final String PART = ".part";

    private final Path directory;
    private final InstantSource clock;
    private final StateFiles files;
    private final FileChannel lock;

    /** Guarded by this. */
    private final StateIndex index;

    /** Guarded by this. */
    private final Set<String> writing = new HashSet<>();

    /**
     * Opens a store, and makes its directory where it is missing.
     *
     * @throws StateStoreException if the directory can't be used, or is used by another process
     */
    public DiskStateStore(Path directory, StateLimits limits) {
        this(directory, limits, InstantSource.system(), StateFiles.SYSTEM);
    }

    DiskStateStore(Path directory, StateLimits limits, InstantSource clock, StateFiles files) {
        this.directory = directory;
        this.clock = clock;
        this.files = files;
        this.index = new StateIndex(limits, clock);
        try {
            files.createDirectories(directory);
        } catch (IOException e) {
            throw failed("made", e);
        }
        this.lock = lock(directory.resolve("lock"));
        try {
            readAll();
        } catch (IOException e) {
            close();
            throw failed("read", e);
        } catch (StateStoreException e) {
            close();
            throw e;
        }
    }

    private FileChannel lock(Path file) {
        @Nullable FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (channel.tryLock() == null) {
                throw new OverlappingFileLockException();
            }
            return channel;
        } catch (OverlappingFileLockException e) {
            closeQuietly(channel);
            throw new StateStoreException(
                    "The directory %s of states is used by another store: give each its own, or use a store that replicas can share (jdbc, redis)"
                            .formatted(directory),
                    e);
        } catch (IOException e) {
            closeQuietly(channel);
            throw failed("locked", e);
        }
    }

    private static void closeQuietly(@Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                LOG.debug("A lock file did not close", e);
            }
        }
    }

    private record Found(StateEntry entry, Instant used) {}

    private synchronized void readAll() throws IOException {
        List<Found> found = new ArrayList<>();
        for (Path tenant : files.list(directory)) {
            if (tenant.getFileName().toString().length() == 64) {
                readTenant(tenant, found);
            }
        }
        found.sort(Comparator.comparing(Found::used));
        for (Found state : found) {
            deleteAll(index.load(state.entry()));
        }
    }

    private void readTenant(Path tenant, List<Found> found) throws IOException {
        for (Path file : files.list(tenant)) {
            if (file.toString().endsWith(PART)) {
                files.delete(file);
            } else if (file.toString().endsWith(STATE)) {
                Optional<StateEntry> entry = StateFile.of(files.read(file))
                        .map(StateFile::entry)
                        .filter(read -> file(read.tenant(), read.id()).equals(file));
                if (entry.isPresent()) {
                    found.add(new Found(entry.get(), files.used(file)));
                } else {
                    LOG.warn("{} holds no whole state and is deleted; its conversation will be read again", file);
                    files.delete(file);
                }
            }
        }
    }

    @Override
    public void save(StateEntry entry, byte[] data) {
        Path file = file(entry.tenant(), entry.id());
        reserve(entry, file);
        boolean saved = false;
        try {
            write(directory.resolve(hash(entry.tenant())), file, new StateFile(entry, data).toBytes());
            saved = true;
        } catch (IOException e) {
            throw new StateStoreException(
                    "A state of %,d bytes could not be saved to %s: %s".formatted(data.length, file, e), e);
        } finally {
            synchronized (this) {
                writing.remove(file.toString());
                index.endReservation(entry);
                if (saved) {
                    index.add(entry);
                }
            }
        }
    }

    private synchronized void reserve(StateEntry entry, Path file) {
        if (!writing.add(file.toString())) {
            throw new StateStoreException("The state %s exists; states are written once".formatted(entry.id()));
        }
        try {
            deleteAll(index.makeRoom(entry));
            index.reserve(entry);
        } catch (RuntimeException e) {
            writing.remove(file.toString());
            throw e;
        }
    }

    private void write(Path tenant, Path file, byte[] bytes) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + PART);
        files.createDirectories(tenant);
        try {
            files.write(part, bytes);
            files.move(part, file);
            files.sync(tenant);
            files.sync(directory);
        } catch (IOException e) {
            try {
                files.delete(part);
                files.delete(file);
            } catch (IOException remains) {
                e.addSuppressed(remains);
            }
            throw e;
        }
    }

    @Override
    public Optional<byte[]> find(String tenant, String id) {
        Path file = file(tenant, id);
        synchronized (this) {
            if (index.use(tenant, id).isEmpty()) {
                return Optional.empty();
            }
        }
        try {
            Optional<StateFile> found = StateFile.of(files.read(file));
            if (found.isEmpty()) {
                LOG.warn("{} is damaged and is deleted; its conversation will be read again", file);
                delete(tenant, id);
                return Optional.empty();
            }
            files.use(file, clock.instant());
            return Optional.of(found.get().data());
        } catch (IOException e) {
            synchronized (this) {
                if (index.use(tenant, id).isEmpty()) {
                    // It made room for another while it was read.
                    return Optional.empty();
                }
            }
            throw new StateStoreException("The state %s could not be read: %s".formatted(file, e), e);
        }
    }

    @Override
    public synchronized Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes) {
        return index.findByPrefix(tenant, prefixes);
    }

    @Override
    public synchronized List<StateEntry> list(String tenant) {
        return index.list(tenant);
    }

    @Override
    public synchronized boolean delete(String tenant, String id) {
        Optional<StateEntry> gone = index.remove(tenant, id);
        deleteForGood(tenant, gone.stream().toList());
        return gone.isPresent();
    }

    @Override
    public synchronized int deleteConversation(String tenant, String conversation) {
        List<StateEntry> gone = index.removeConversation(tenant, conversation);
        deleteForGood(tenant, gone);
        return gone.size();
    }

    /** What somebody wants gone does not come back after a power cut. */
    private void deleteForGood(String tenant, List<StateEntry> entries) {
        deleteAll(entries);
        if (!entries.isEmpty()) {
            try {
                files.sync(directory.resolve(hash(tenant)));
            } catch (IOException e) {
                throw failed("cleared", e);
            }
        }
    }

    /** Deletes files of states that were taken out of the index; those that can't be deleted are put back. */
    private void deleteAll(List<StateEntry> entries) {
        @Nullable IOException failure = null;
        for (StateEntry entry : entries) {
            try {
                files.delete(file(entry.tenant(), entry.id()));
            } catch (IOException e) {
                index.add(entry);
                failure = e;
            }
        }
        if (failure != null) {
            throw failed("cleared", failure);
        }
    }

    @Override
    public synchronized Usage usage() {
        return index.usage();
    }

    /** Lets another process use the directory; the states stay. */
    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Of names that come from outside only hashes become part of a path. */
    private Path file(String tenant, String id) {
        return directory.resolve(hash(tenant)).resolve(hash(id) + STATE);
    }

    private static String hash(String name) {
        return HexFormat.of().formatHex(Digests.sha256().digest(name.getBytes(StandardCharsets.UTF_8)));
    }

    private StateStoreException failed(String what, IOException e) {
        return new StateStoreException(
                "The directory %s of states could not be %s: %s".formatted(directory, what, e), e);
    }
}
