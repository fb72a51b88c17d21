package io.github.rwkv4j.demo;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The demo model as files: the engine maps weights from a file, which a class path resource is not.
 *
 * <p>Decode it greedily (temperature 0); what it can do is in its model card, {@code README.md} beside this class.
 */
public final class DemoModel {
    private static final String WEIGHTS = "model.safetensors";
    private static final String VOCABULARY = "vocab.txt";

    private DemoModel() {}

    /**
     * Copies the model into the user's cache folder ({@code $XDG_CACHE_HOME/rwkv4j}, else {@code ~/.cache/rwkv4j}), or
     * into a fresh temporary directory, deleted when the JVM ends, where that folder can't be written.
     *
     * @return the weights, with the vocabulary beside them
     * @throws UncheckedIOException if neither place can be written
     */
    public static Path extract() {
        return extract(cacheFolder(System.getenv("XDG_CACHE_HOME"), System.getProperty("user.home")));
    }

    /**
     * Copies the model to {@code directory/<SHA-256 of the weights>/rwkv-demo/}. Files that are there already are
     * verified and kept; any number of processes may do this at the same time. Directories that this creates are the
     * owner's alone.
     *
     * @return the weights, with the vocabulary beside them
     * @throws UncheckedIOException if {@code directory} can't be written
     */
    public static Path extractTo(Path directory) {
        try {
            byte[] weights = resource(WEIGHTS);
            // An opened model called "model" takes its name from its directory.
            Path folder = directory.resolve(sha256(weights)).resolve("rwkv-demo");
            Files.createDirectories(folder, ownerOnly(directory));
            place(folder.resolve(VOCABULARY), resource(VOCABULARY));
            return place(folder.resolve(WEIGHTS), weights);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "The demo model can't be copied to %s: name a directory that can be written".formatted(directory),
                    e);
        }
    }

    static Path extract(Path cache) {
        try {
            return extractTo(cache);
        } catch (UncheckedIOException _) {
            return extractToTemporaryDirectory();
        }
    }

    static Path cacheFolder(@Nullable String xdgCacheHome, String home) {
        // The XDG specification has a relative path ignored.
        return Optional.ofNullable(xdgCacheHome)
                .filter(path -> !path.isBlank())
                .map(Path::of)
                .filter(Path::isAbsolute)
                .orElseGet(() -> Path.of(home, ".cache"))
                .resolve("rwkv4j");
    }

    private static Path extractToTemporaryDirectory() {
        try {
            Path directory = Files.createTempDirectory("rwkv4j-");
            Path weights = extractTo(directory);
            // Deleted in reverse order: the files, then the directories that held them.
            for (Path parent = directory; !parent.equals(weights); ) {
                parent.toFile().deleteOnExit();
                parent = parent.resolve(parent.relativize(weights).getName(0));
            }
            weights.toFile().deleteOnExit();
            weights.resolveSibling(VOCABULARY).toFile().deleteOnExit();
            return weights;
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "There is no place for the demo model: neither the cache folder nor %s can be written"
                            .formatted(System.getProperty("java.io.tmpdir")),
                    e);
        }
    }

    private static Path place(Path file, byte[] content) throws IOException {
        if (holds(file, content)) {
            return file;
        }
        // Written under another name first: a process that opens the file never sees half of it.
        Path whole = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
        try {
            Files.write(whole, content);
            Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            Files.deleteIfExists(whole);
            // Where a mapped file can't be replaced, another process has won the race with the same content.
            if (!holds(file, content)) {
                throw e;
            }
        }
        return file;
    }

    private static boolean holds(Path file, byte[] content) throws IOException {
        return Files.isRegularFile(file)
                && Files.size(file) == content.length
                && Arrays.equals(Files.readAllBytes(file), content);
    }

    private static FileAttribute<?>[] ownerOnly(Path directory) {
        boolean posix = directory.getFileSystem().supportedFileAttributeViews().contains("posix");
        return posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
                }
                : new FileAttribute<?>[0];
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream stream = DemoModel.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new FileNotFoundException("%s is missing in the demo model's jar".formatted(name));
            }
            return stream.readAllBytes();
        }
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
