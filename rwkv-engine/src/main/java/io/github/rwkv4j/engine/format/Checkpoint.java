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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An opened checkpoint: its tensors lie in the memory-mapped file and stay readable until {@link #close()}.
 *
 * <p>Reads safetensors (also in several files with an index), PyTorch {@code .pth} (zip and legacy container), GGUF and
 * rwkv.cpp's {@code .bin}. Tensors have their official names and shapes, whatever the file calls them. A file is taken as hostile until it
 * is checked: no code named by it runs, and no memory is allocated that its size does not justify.
 */
public final class Checkpoint implements AutoCloseable {
    /** The entry of {@link #metadata} that says which epsilon the group norm of RWKV-5 has, if not the official one. */
    public static final String HEAD_NORM_EPSILON = "rwkv.head_norm_epsilon";

    private static final List<String> EXTENSIONS = List.of(".safetensors", ".pth", ".gguf", ".bin");

    private final Path file;
    private final Arena arena;
    private final Map<String, Tensor> tensors;
    private final Map<String, String> metadata;
    private final Optional<byte[][]> vocabulary;

    private Checkpoint(Path file, Arena arena, CheckpointReader.Contents contents) {
        this.file = file;
        this.arena = arena;
        this.tensors = Collections.unmodifiableMap(contents.tensors());
        this.metadata = Collections.unmodifiableMap(contents.metadata());
        this.vocabulary = contents.vocabulary();
    }

    /**
     * Maps {@code path} into memory and checks it whole; the format is recognised from the first bytes.
     *
     * @param path a checkpoint file, the {@code model.safetensors.index.json} of a model in several files, or a directory
     *     with that or with a {@code model.safetensors}
     * @throws ModelNotFoundException when there is no such file
     * @throws CheckpointException when it is unreadable, damaged, hostile or of another format
     */
    public static Checkpoint open(Path path) {
        Arena arena = Arena.ofShared();
        boolean opened = false;
        Path file = path;
        try {
            file = inDirectory(path);
            FileBytes bytes = map(file, arena);
            CheckpointReader.Contents contents = ShardIndex.recognises(bytes)
                    ? readShards(ShardIndex.read(bytes), file, arena)
                    : CheckpointReader.recognise(bytes).read(bytes, arena);
            Checkpoint checkpoint = new Checkpoint(file, arena, contents);
            opened = true;
            return checkpoint;
        } catch (NoSuchFileException e) {
            throw new ModelNotFoundException(
                    file + ": there is no such file; expected a .safetensors, .pth, .gguf or .bin file, check the path",
                    e);
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

    /** The file that was opened; in place of a directory, the file found in it. */
    public Path file() {
        return file;
    }

    /** The tensors by name, in file order; unmodifiable. Their data is gone once the checkpoint is closed. */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    /**
     * The file's own notes about itself: safetensors' {@code __metadata__}, or GGUF's single values by their keys, such as
     * {@code rwkv7.context_length} and {@code tokenizer.chat_template}. Empty where it has none.
     */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * The vocabulary of a World tokenizer that a GGUF file carries: the bytes of each token by id, empty for id 0 and for
     * unused ids. Don't modify.
     */
    public Optional<byte[][]> vocabulary() {
        return vocabulary;
    }

    /** Unmaps the file at once; reading a tensor afterwards throws {@link IllegalStateException}. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    /** All files of an index, each read on its own, and their tensors put together. */
    private static CheckpointReader.Contents readShards(ShardIndex index, Path file, Arena arena) throws IOException {
        Map<String, Map<String, Tensor>> shards = new LinkedHashMap<>();
        for (String name : index.files()) {
            Path shard = file.resolveSibling(name);
            try {
                requireRegularFile(shard);
                shards.put(name, new SafetensorsReader().readTensors(map(shard, arena)));
            } catch (NoSuchFileException e) {
                throw new CheckpointException(
                        "index names the file %s, which is not beside it; download it too".formatted(name), e);
            } catch (CheckpointException e) {
                throw new CheckpointException("file %s of the index: %s".formatted(name, e.getMessage()), e);
            }
        }
        return new CheckpointReader.Contents(
                HuggingFaceNames.toOfficial(index.join(shards), arena), Map.of(), Optional.empty());
    }

    /** A regular file, or the model's file in a directory. */
    private static Path inDirectory(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            for (String name : new String[] {ShardIndex.NAME, "model.safetensors"}) {
                Path file = path.resolve(name);
                if (Files.isRegularFile(file)) {
                    return file;
                }
            }
            throw new CheckpointException(
                    "is a directory; expected a checkpoint file, name the file in it" + candidates(path));
        }
        requireRegularFile(path);
        return path;
    }

    private static void requireRegularFile(Path file) throws IOException {
        // Opening a pipe would wait for its other end.
        if (!Files.readAttributes(file, BasicFileAttributes.class).isRegularFile()) {
            throw new CheckpointException("is a pipe or device; expected a regular checkpoint file");
        }
    }

    private static String candidates(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            String names = files.map(path -> String.valueOf(path.getFileName()))
                    .filter(name -> EXTENSIONS.stream().anyMatch(name::endsWith))
                    .sorted()
                    .limit(10)
                    .collect(Collectors.joining(", "));
            return names.isEmpty() ? " (it holds none of " + String.join(", ", EXTENSIONS) + ")" : ": " + names;
        }
    }

    private static FileBytes map(Path file, Arena arena) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            if (channel.size() == 0) {
                throw new CheckpointException(
                        "is empty; expected a safetensors, PyTorch, GGUF or rwkv.cpp checkpoint, copy or download it again");
            }
            return new FileBytes(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
        }
    }
}
