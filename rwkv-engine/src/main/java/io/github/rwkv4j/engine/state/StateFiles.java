package io.github.rwkv4j.engine.state;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What a store on disk asks of the file system. Tests put one in between that fails as disks do. */
interface StateFiles {
    boolean WINDOWS = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows");

    /** The system's own. */
    StateFiles SYSTEM = new StateFiles() {};

    /** Makes a directory and what is above it, durably. */
    default void createDirectories(Path directory) throws IOException {
        Path parent = directory.toAbsolutePath().getParent();
        if (!Files.isDirectory(directory) && parent != null) {
            createDirectories(parent);
            Files.createDirectories(directory);
            sync(parent);
        }
    }

    /** The files and directories in a directory. */
    default List<Path> list(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        }
    }

    /** Writes a new file; its content is durable when the method returns, its name not yet. */
    default void write(Path file, byte[] content) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(content);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
    }

    /** Gives a file its final name at once, so that nobody sees half of it. */
    default void move(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Makes durable which names a directory has. Windows can't be asked to, and keeps a journal of them. */
    default void sync(Path directory) throws IOException {
        if (WINDOWS) {
            return;
        }
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    default byte[] read(Path file) throws IOException {
        return Files.readAllBytes(file);
    }

    default void delete(Path file) throws IOException {
        Files.deleteIfExists(file);
    }

    /** When a file was used last. */
    default Instant used(Path file) throws IOException {
        return Files.getLastModifiedTime(file).toInstant();
    }

    default void use(Path file, Instant now) throws IOException {
        Files.setLastModifiedTime(file, FileTime.from(now));
    }
}
