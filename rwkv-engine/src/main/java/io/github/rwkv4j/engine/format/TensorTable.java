package io.github.rwkv4j.engine.format;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The tensors of a file in its order; what every format asks of names and shapes is checked here. */
final class TensorTable {
    /** Some twenty times what the largest known model has; bounds the heap that a hostile file can take. */
    static final int MAX_TENSORS = 65_536;

    static final int MAX_RANK = 8;
    private static final int MAX_NAME = 512;

    /** In a tensor that holds several mixes, the order that all converters have for RWKV-7. */
    static final String[] MIXES_7 = {"r", "w", "k", "v", "a", "g"};

    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    void add(Tensor tensor) {
        if (tensors.size() == MAX_TENSORS) {
            throw new CheckpointException("holds more than " + MAX_TENSORS
                    + " tensors; expected a single RWKV model, check that this is one");
        }
        if (tensors.put(tensor.name(), tensor) != null) {
            throw CheckpointReader.damaged(
                    "holds the tensor " + CheckpointReader.quoted(tensor.name()) + " twice; expected unique names");
        }
    }

    /** Adds the mixes that one tensor holds, one after the other, each a vector [1, 1, width]. */
    void addMixes(Tensor joined, String prefix, String[] mixes, long width) {
        for (int i = 0; i < mixes.length; i++) {
            add(Rearrangement.part(joined, i, mixes.length, prefix + mixes[i], 1, 1, width));
        }
    }

    Map<String, Tensor> tensors() {
        return tensors;
    }

    /** Size in bytes of a tensor that is yet to be made, refused when it is no sane size. */
    static long bytes(String name, DType dtype, long... shape) {
        if (name.isEmpty() || name.length() > MAX_NAME || shape.length > MAX_RANK) {
            throw CheckpointReader.damaged(
                    "tensor %s has a name of %d characters and %d dimensions; expected 1 to %d and at most %d"
                            .formatted(CheckpointReader.quoted(name), name.length(), shape.length, MAX_NAME, MAX_RANK));
        }
        try {
            return dtype.bytes(Tensor.elements(shape));
        } catch (CheckpointException e) {
            throw CheckpointReader.damaged("tensor %s: %s; expected a size in bytes that fits the file"
                    .formatted(CheckpointReader.quoted(name), e.getMessage()));
        }
    }

    /** As {@link #bytes}, for formats whose tensors all have weights in them: rows of whole blocks, nothing empty. */
    static long bytesOfWeights(String name, DType dtype, long... shape) {
        if (shape.length == 0
                || Arrays.stream(shape).anyMatch(n -> n < 1)
                || shape[shape.length - 1] % dtype.blockSize() != 0) {
            throw CheckpointReader.damaged(
                    "tensor %s of type %s has shape %s; expected positive sizes, the last a multiple of %d"
                            .formatted(
                                    CheckpointReader.quoted(name), dtype, Arrays.toString(shape), dtype.blockSize()));
        }
        return bytes(name, dtype, shape);
    }
}
