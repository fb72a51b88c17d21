package io.github.rwkv4j.engine.compute;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A group of matrix products that don't depend on each other, so that one fork and join, or one launch, serves them
 * all. Filled, multiplied, and filled again without allocating.
 */
public final class Products {
    /** Most products of a group. */
    public static final int MOST = 8;

    private final @Nullable Matrix[] matrices = new Matrix[MOST];
    private final @Nullable Buffer[] inputs = new Buffer[MOST];
    private final @Nullable Buffer[] outputs = new Buffer[MOST];
    private final @Nullable Buffer[] biases = new Buffer[MOST];
    private final Epilogue[] epilogues = new Epilogue[MOST];
    private int count;

    public Products() {
        Arrays.fill(epilogues, Epilogue.NONE);
    }

    /** Forgets all products. */
    public Products clear() {
        count = 0;
        return this;
    }

    /** out = W in. */
    public Products add(Matrix matrix, Buffer in, Buffer out) {
        return add(matrix, in, out, Epilogue.NONE);
    }

    /** out = epilogue(W in). */
    public Products add(Matrix matrix, Buffer in, Buffer out, Epilogue epilogue) {
        return set(matrix, in, null, out, epilogue);
    }

    /** out = epilogue(W in + bias). */
    public Products add(Matrix matrix, Buffer in, Buffer bias, Buffer out, Epilogue epilogue) {
        return set(matrix, in, bias, out, epilogue);
    }

    private Products set(Matrix matrix, Buffer in, @Nullable Buffer bias, Buffer out, Epilogue epilogue) {
        matrices[count] = matrix;
        inputs[count] = in;
        biases[count] = bias;
        outputs[count] = out;
        epilogues[count] = epilogue;
        count++;
        return this;
    }

    public int count() {
        return count;
    }

    public Matrix matrix(int i) {
        return present(matrices[i], i);
    }

    public Buffer input(int i) {
        return present(inputs[i], i);
    }

    public Buffer output(int i) {
        return present(outputs[i], i);
    }

    public @Nullable Buffer bias(int i) {
        return biases[i];
    }

    public Epilogue epilogue(int i) {
        return epilogues[i];
    }

    private static <T> T present(@Nullable T value, int i) {
        if (value == null) {
            throw new IndexOutOfBoundsException(i);
        }
        return value;
    }
}
