package io.github.rwkv4j.engine.format;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collections;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An opened checkpoint file: its tensors lie in the memory-mapped file and stay readable until {@link #close()}.
 *
 * <p>Reads safetensors and PyTorch {@code .pth} files (zip and legacy container). A file is taken as hostile until it
 * is checked: no code named by it runs, and no memory is allocated that its size does not justify.
 */
public final class Checkpoint implements AutoCloseable {
    private final Path file;
    private final Arena arena;
    private final Map<String, Tensor> tensors;
    private final Map<String, String> metadata;

    private Checkpoint(Path file, Arena arena, CheckpointReader.Contents contents) {
        this.file = file;
        this.arena = arena;
        this.tensors = Collections.unmodifiableMap(contents.tensors());
        this.metadata = Collections.unmodifiableMap(contents.metadata());
    }

    /**
     * Maps {@code file} into memory and checks it whole; the format is recognised from the first bytes.
     *
     * @throws ModelNotFoundException when there is no such file
     * @throws CheckpointException when it is a directory, unreadable, damaged, hostile or of another format
     */
    public static Checkpoint open(Path file) {
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            requireRegularFile(file);
            FileBytes bytes = map(file, arena);
            Checkpoint checkpoint = new Checkpoint(
                    file, arena, CheckpointReader.recognise(bytes).read(bytes, arena));
            opened = true;
            return checkpoint;
        } catch (NoSuchFileException e) {
            throw new ModelNotFoundException(
                    file + ": there is no such file; expected a .safetensors or .pth file, check the path", e);
        } catch (IOException | UnsupportedOperationException e) {
            throw new CheckpointException(
                    file + ": cannot be read or mapped into memory (" + e
                            + "); expected a readable file on a local disk, check its permissions",
                    e);
        } catch (RwkvException e) {
            // The readers know no path; here every message of theirs gets it.
            throw new CheckpointException(file + ": " + e.getMessage(), e);
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    /** The file that was opened. */
    public Path file() {
        return file;
    }

    /** The tensors by name, in file order; unmodifiable. Their data is gone once the checkpoint is closed. */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    /** The file's own notes about itself, such as safetensors' {@code __metadata__}; empty where it has none. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** Unmaps the file at once; reading a tensor afterwards throws {@link IllegalStateException}. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    private static void requireRegularFile(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        if (attributes.isDirectory()) {
            throw new CheckpointException(
                    "is a directory; expected a checkpoint file, name the file in it" + candidates(file));
        }
        // Opening a pipe would wait for its other end.
        if (!attributes.isRegularFile()) {
            throw new CheckpointException("is a pipe or device; expected a regular checkpoint file");
        }
    }

    private static String candidates(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            String names = files.map(path -> String.valueOf(path.getFileName()))
                    .filter(name -> name.endsWith(".safetensors") || name.endsWith(".pth"))
                    .sorted()
                    .limit(10)
                    .collect(Collectors.joining(", "));
            return names.isEmpty() ? " (it holds no .safetensors or .pth file)" : ": " + names;
        }
    }

    private static FileBytes map(Path file, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            if (channel.size() == 0) {
                throw new CheckpointException(
                        "is empty; expected a safetensors or PyTorch checkpoint, copy or download it again");
            }
            return new FileBytes(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        }
    }
}
