package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;

/**
 * Counts the memory that a model's weights would take on the CPU: a device that can be loaded with a model and keeps
 * nothing of it. The CPU pads both sides of a matrix, and the rows of its vectors, to multiples of 32; what a file
 * stores quantised is kept as {@link Quantization#kept} says.
 */
final class WeightCount {
    private static final int BLOCK = 32;

    private record Weights(int rows, int columns) implements Matrix {}

    private record Table(int width) implements Embedding {}

    private record Rows(int rows, int width) implements Buffer {}

    private long bytes;

    long bytes() {
        return bytes;
    }

    /** Makes handles; the operations of a forward pass are refused. */
    Compute device() {
        return (Compute) Proxy.newProxyInstance(
                Compute.class.getClassLoader(),
                new Class<?>[] {Compute.class},
                (_, method, arguments) -> count(method, arguments));
    }

    private Object count(Method method, Object[] arguments) {
        return switch (method.getName()) {
            case "matrix" -> matrix((Tensor) arguments[0], false, (Quantization) arguments[1]);
            case "transposed" -> matrix((Tensor) arguments[0], true, Quantization.NONE);
            case "embedding" -> embedding((Tensor) arguments[0]);
            case "parameters" -> parameters((int) arguments[0], (Tensor[]) arguments[1]);
            case "buffer" -> new Rows((int) arguments[0], (int) arguments[1]);
            default -> throw new UnsupportedOperationException(method.getName());
        };
    }

    private Matrix matrix(Tensor tensor, boolean transposed, Quantization quantization) {
        long[] shape = tensor.shape();
        if (shape.length != 2) {
            throw new CheckpointException("%s has shape %s, but a matrix has two dimensions"
                    .formatted(tensor.name(), Arrays.toString(shape)));
        }
        int rows = Math.toIntExact(shape[transposed ? 1 : 0]);
        int columns = Math.toIntExact(shape[transposed ? 0 : 1]);
        long padded = padded(rows) * padded(columns);
        bytes += switch (Quantization.kept(tensor.dtype(), quantization)) {
            case NONE -> padded * (tensor.dtype().bytes() == 2 ? 2 : 4);
            case Q8_0 -> padded / BLOCK * (BLOCK + 2);
            case Q4_0 -> padded / BLOCK * (BLOCK / 2 + 2);
        };
        return new Weights(rows, columns);
    }

    private Embedding embedding(Tensor table) {
        bytes += table.data().byteSize();
        long[] shape = table.squeezed();
        return new Table(Math.toIntExact(shape[shape.length - 1]));
    }

    private Buffer parameters(int width, Tensor[] tensors) {
        long elements = Arrays.stream(tensors).mapToLong(Tensor::elements).sum();
        int rows = Math.toIntExact(elements / width);
        bytes += 4 * rows * padded(width);
        return new Rows(rows, width);
    }

    private static long padded(long size) {
        return Math.ceilDiv(size, BLOCK) * BLOCK;
    }
}
