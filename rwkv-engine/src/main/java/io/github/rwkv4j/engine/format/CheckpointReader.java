package io.github.rwkv4j.engine.format;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Optional;

/** Reads one file format. Its exceptions say nothing of the path: {@link Checkpoint#open} puts it in front. */
sealed interface CheckpointReader permits SafetensorsReader, PthReader, GgufReader, RwkvCppReader {
    int ZIP_MAGIC = 0x04034b50;
    int EMPTY_ZIP_MAGIC = 0x06054b50;
    int GGUF_MAGIC = 0x46554747;
    int RWKV_CPP_MAGIC = 0x67676d66;
    int PICKLE_PROTO = 0x80;

    /**
     * What a file holds, in its order.
     *
     * @param tensors by their official names, where the file's names are known
     * @param vocabulary the bytes of each token of a World tokenizer by id, where the file has them
     */
    record Contents(Map<String, Tensor> tensors, Map<String, String> metadata, Optional<byte[][]> vocabulary) {}

    /**
     * Checks the whole structure of a file and returns what it holds.
     *
     * @param file the mapped file, not empty
     * @param arena owner of what cannot stay in the mapped file
     * @throws CheckpointException when anything is amiss
     */
    Contents read(FileBytes file, Arena arena);

    /** The reader for a file, chosen by its first bytes. */
    static CheckpointReader recognise(FileBytes file) {
        int magic = file.size() < 4 ? 0 : file.int32(0);
        if (magic == ZIP_MAGIC || magic == EMPTY_ZIP_MAGIC || startsAsPickle(file)) {
            return new PthReader();
        }
        if (magic == GGUF_MAGIC) {
            return new GgufReader();
        }
        if (magic == RWKV_CPP_MAGIC) {
            return new RwkvCppReader();
        }
        String text = leadingText(file);
        if (!text.isEmpty()) {
            throw new CheckpointException("is a text file starting with " + quoted(text)
                    + ", perhaps a Git LFS pointer or a web page saved in place of the model;"
                    + " expected a safetensors, PyTorch, GGUF or rwkv.cpp checkpoint, download the model file itself");
        }
        if (file.size() > 8 && file.unsignedByte(8) == '{') {
            return new SafetensorsReader();
        }
        throw new CheckpointException(
                "starts with the bytes %s, which no known checkpoint format does;"
                                .formatted(file.hex(0, Math.min(8, file.size())))
                        + " expected a safetensors, PyTorch, GGUF or rwkv.cpp checkpoint, download the file again or convert it");
    }

    /** The length of a safetensors header may begin with the same byte, but no pickle starts with so small a number. */
    private static boolean startsAsPickle(FileBytes file) {
        boolean isHeaderLength = file.size() > 8 && file.int64(0) > 0 && file.int64(0) <= file.size() - 8;
        return file.unsignedByte(0) == PICKLE_PROTO && !isHeaderLength;
    }

    /** A refusal of a file that is not what its writer wrote. */
    static CheckpointException damaged(String found) {
        return new CheckpointException(found + "; the file is damaged or cut off, copy or download it again");
    }

    /** Text from the file, made harmless for logs and terminals. */
    static String quoted(String text) {
        String shown = text.length() <= 200 ? text : text.substring(0, 200) + "…";
        return '"' + shown.replaceAll("[\\p{Cntrl}\\p{Cf}]", "?") + '"';
    }

    /** The first bytes, if they are printable ASCII; empty otherwise. */
    static String leadingText(FileBytes file) {
        StringBuilder text = new StringBuilder();
        for (long i = 0; i < Math.min(64, file.size()); i++) {
            int c = file.unsignedByte(i);
            if (c >= 0x7f || c < ' ' && c != '\t' && c != '\n' && c != '\r') {
                return "";
            }
            text.append((char) c);
        }
        return text.toString();
    }
}
