package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.cpu.CpuCompute;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import io.github.rwkv4j.engine.weights.Quantization;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Prints how many of the activations after channel mixing's key are zero, in a model that reads a text: exactly, and after
 * they are rounded to 8 bits, by channel and by aligned groups of channels, of which all must be zero.
 */
final class ReluSquaredZeros {
    private static final int BLOCK = 32;
    private static final int MOST_TOKENS = 2048;

    /** Sizes of the groups that are counted. */
    private static final int[] GROUPS = {1, 4, BLOCK};

    private final long[] exactly = new long[GROUPS.length];
    private final long[] rounded = new long[GROUPS.length];
    private long channels;

    private ReluSquaredZeros() {}

    /** {@code model text}; a model of 256 tokens reads bytes. */
    public static void main(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        String text = Files.readString(Path.of(arguments[1]));
        ReluSquaredZeros zeros = new ReluSquaredZeros();
        try (Feeding model = new Feeding(file, Feeding.quantised(Quantization.NONE), zeros.device())) {
            int[] tokens = tokens(file, model.config().vocabularySize(), text);
            for (int from = 0; from < tokens.length; from += MOST_TOKENS) {
                int count = Math.min(MOST_TOKENS, tokens.length - from);
                int[] part = new int[count];
                System.arraycopy(tokens, from, part, 0, count);
                model.logits(part, 1);
            }
            System.out.printf("%s, %d tokens, %d channels%n", file.getFileName(), tokens.length, zeros.channels);
        }
        for (int i = 0; i < GROUPS.length; i++) {
            double groups = zeros.channels / (double) GROUPS[i];
            System.out.printf(
                    "groups of %2d: exactly zero %.3f, in 8 bits %.3f%n",
                    GROUPS[i], zeros.exactly[i] / groups, zeros.rounded[i] / groups);
        }
    }

    private static int[] tokens(Path file, int vocabularySize, String text) {
        if (vocabularySize == 256) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] tokens = new int[bytes.length];
            for (int i = 0; i < bytes.length; i++) {
                tokens[i] = bytes[i] & 0xff;
            }
            return tokens;
        }
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            return Tokenizer.forModel(checkpoint.file(), vocabularySize, Optional.empty(), checkpoint.vocabulary())
                    .encode(text);
        }
    }

    private Compute device() {
        Compute real = new CpuCompute(1);
        return (Compute) Proxy.newProxyInstance(
                Compute.class.getClassLoader(),
                new Class<?>[] {Compute.class},
                (_, method, arguments) -> observe(real, method, arguments));
    }

    private Object observe(Compute real, Method method, Object[] arguments) throws Throwable {
        Object result;
        try {
            result = method.invoke(real, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
        if (method.getName().equals("multiply")) {
            Products products = (Products) arguments[1];
            for (int i = 0; i < products.count(); i++) {
                if (products.epilogue(i) == Epilogue.RELU_SQUARED) {
                    count(real, products.output(i), (int) arguments[0]);
                }
            }
        }
        return result;
    }

    private void count(Compute real, Buffer hidden, int rows) {
        float[] row = new float[hidden.width()];
        for (int r = 0; r < rows; r++) {
            real.read(hidden, r, row);
            channels += row.length;
            float[] inBlocks = rounded(row);
            for (int i = 0; i < GROUPS.length; i++) {
                exactly[i] += zeroGroups(row, GROUPS[i]);
                rounded[i] += zeroGroups(inBlocks, GROUPS[i]);
            }
        }
    }

    /** As the kernels do it: in blocks of 32, to multiples of the largest / 127. */
    private static float[] rounded(float[] row) {
        float[] rounded = new float[row.length];
        for (int from = 0; from < row.length; from += BLOCK) {
            int end = Math.min(from + BLOCK, row.length);
            float largest = 0;
            for (int k = from; k < end; k++) {
                largest = Math.max(largest, row[k]);
            }
            for (int k = from; k < end; k++) {
                rounded[k] = largest == 0 ? 0 : (float) Math.rint(row[k] * (127 / largest));
            }
        }
        return rounded;
    }

    private static long zeroGroups(float[] row, int size) {
        long zero = 0;
        for (int from = 0; from + size <= row.length; from += size) {
            boolean all = true;
            for (int k = from; k < from + size; k++) {
                all &= row[k] == 0;
            }
            zero += all ? 1 : 0;
        }
        return zero;
    }
}
