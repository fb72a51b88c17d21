package io.github.rwkv4j.engine.format;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/** What every fuzzer of a checkpoint format holds a reader to; docs/fuzzing.md tells how they run. */
final class ReaderFuzz {
    /** What is decoded for transposing takes up to eight times the bytes of its blocks. */
    private static final int GROWTH = 8;

    private ReaderFuzz() {}

    /**
     * Reads bytes as a file.
     *
     * @return whether they were accepted; they are, or are refused with a {@link CheckpointException}, and nothing else
     */
    static boolean accepts(CheckpointReader reader, byte[] data) {
        if (data.length == 0) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            CheckpointReader.Contents contents = reader.read(file(data), arena);
            check(contents.tensors(), data.length);
            return true;
        } catch (CheckpointException e) {
            return false;
        }
    }

    static FileBytes file(byte[] data) {
        return new FileBytes(MemorySegment.ofArray(data));
    }

    private static void check(Map<String, Tensor> tensors, int fileSize) {
        long total = 0;
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            Tensor tensor = entry.getValue();
            long bytes = tensor.data().byteSize();
            total += bytes;
            require(entry.getKey().equals(tensor.name()), "a tensor has two names");
            require(bytes == tensor.dtype().bytes(tensor.elements()), "a tensor has another size than its shape");
            if (bytes > 0 && tensor.dtype().isFloat()) {
                tensor.get(0);
                tensor.get(tensor.elements() - 1);
            }
        }
        // Views may share a storage, each of which is at most the file.
        require(total <= (long) GROWTH * fileSize * Math.max(1, tensors.size()), "tensors are larger than the file");
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
