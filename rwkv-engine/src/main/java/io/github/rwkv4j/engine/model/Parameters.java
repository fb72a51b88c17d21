package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** A checkpoint's tensors on their way to a device: each is checked against the shape that its place needs. */
final class Parameters {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d{1,4})\\..*");

    private final Map<String, Tensor> tensors;
    private final Compute compute;
    private final Quantization quantization;
    private final Set<String> unused;

    Parameters(Map<String, Tensor> tensors, Compute compute, Quantization quantization) {
        this.tensors = tensors;
        this.compute = compute;
        this.quantization = quantization;
        this.unused = new LinkedHashSet<>(tensors.keySet());
    }

    /** The shape of a tensor that must have {@code dimensions} of them, as stored. */
    int[] shape(String name, int dimensions) {
        Tensor tensor = tensor(name);
        long[] shape = tensor.shape();
        if (shape.length != dimensions || Arrays.stream(shape).anyMatch(n -> n > Integer.MAX_VALUE)) {
            throw new CheckpointException("%s has shape %s, but %d dimensions are expected"
                    .formatted(name, Arrays.toString(tensor.shape()), dimensions));
        }
        return Arrays.stream(shape).mapToInt(Math::toIntExact).toArray();
    }

    DType dtype(String name) {
        return tensor(name).dtype();
    }

    /** One more than the highest block number. */
    int layers() {
        return 1
                + tensors.keySet().stream()
                        .map(BLOCK::matcher)
                        .filter(match -> match.matches())
                        .mapToInt(match -> Integer.parseInt(match.group(1)))
                        .max()
                        .orElse(-1);
    }

    /** Number of weights in the whole checkpoint. */
    long count() {
        return tensors.values().stream().mapToLong(Tensor::elements).sum();
    }

    /** W [out, in], quantised if the caller wished so: the large matrices of a network. */
    Matrix matrix(String name, int out, int in) {
        return compute.matrix(take(name, out, in), quantization);
    }

    /** A low-rank adapter, stored as [in, out] and never quantised. */
    Matrix adapter(String name, int in, int out) {
        return compute.transposed(take(name, in, out));
    }

    Embedding embedding(String name, int rows, int width) {
        return compute.embedding(take(name, rows, width));
    }

    Buffer vector(String name, int width) {
        return compute.parameters(width, take(name, width));
    }

    /** Several vectors as the rows of one buffer. */
    Buffer vectors(int width, String... names) {
        return compute.parameters(
                width, Arrays.stream(names).map(name -> take(name, width)).toArray(Tensor[]::new));
    }

    /** A matrix of small size that is used as a vector, such as one number per head and channel. */
    Buffer flattened(String name, int rows, int columns) {
        return compute.parameters(rows * columns, take(name, rows, columns));
    }

    Norm norm(String name, int width, float epsilon) {
        return new Norm(vector(name + ".weight", width), vector(name + ".bias", width), epsilon);
    }

    /** Accepts a tensor that is in some files and used by none. */
    void ignore(String name) {
        unused.remove(name);
    }

    /** Refuses a checkpoint with tensors that nobody asked for: it is another network. */
    void requireAllUsed() {
        if (!unused.isEmpty()) {
            throw new CheckpointException(
                    "%d unknown tensors, the first is %s: this is a network that the engine does not know"
                            .formatted(unused.size(), unused.iterator().next()));
        }
    }

    private Tensor take(String name, int... shape) {
        Tensor tensor = tensor(name);
        long[] expected =
                Arrays.stream(shape).asLongStream().filter(n -> n != 1).toArray();
        if (!Arrays.equals(tensor.squeezed(), expected)) {
            throw new CheckpointException("%s has shape %s, but %s is expected"
                    .formatted(name, Arrays.toString(tensor.shape()), Arrays.toString(shape)));
        }
        if (!tensor.dtype().isFloat()) {
            throw new CheckpointException(
                    "%s holds %s, but weights are floating-point numbers".formatted(name, tensor.dtype()));
        }
        unused.remove(name);
        return tensor;
    }

    private Tensor tensor(String name) {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new CheckpointException("The tensor %s is missing: the file is incomplete".formatted(name));
        }
        return tensor;
    }
}
