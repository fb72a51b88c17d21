package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Brings tensors that a converter transposed, joined or computed into their official shape: in place where the bytes may
 * stay, else by a copy, of which each tensor of the file needs at most one. A copy of a quantised tensor is float32.
 */
record Rearrangement(Arena arena) {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The same numbers under another name and shape. */
    static Tensor reshaped(Tensor tensor, String name, long... shape) {
        requireElements(tensor, shape);
        return new Tensor(name, tensor.dtype(), shape, tensor.data());
    }

    /** A vector in the shape [1, 1, C] that official checkpoints give most of them. */
    static Tensor vector(Tensor tensor, String name) {
        return reshaped(tensor, name, 1, 1, tensor.elements());
    }

    /** Part {@code index} of {@code count} equal ones that lie one after the other. */
    static Tensor part(Tensor tensor, int index, int count, String name, long... shape) {
        requireElements(tensor, count, shape);
        long bytes = tensor.data().byteSize() / count;
        return new Tensor(name, tensor.dtype(), shape, tensor.data().asSlice(index * bytes, bytes));
    }

    /** The last two dimensions exchanged. */
    Tensor transposed(Tensor tensor, String name) {
        long[] from = requireRank(tensor, 2, 3);
        long[] to = from.clone();
        int last = to.length - 1;
        to[last] = from[last - 1];
        to[last - 1] = from[last];
        long rows = to[last - 1];
        long columns = to[last];
        return copied(tensor, name, to, i -> {
            long matrix = i / (rows * columns) * rows * columns;
            long inMatrix = i % (rows * columns);
            return matrix + inMatrix % columns * rows + inMatrix / columns;
        });
    }

    /** A tensor whose element i is element {@code source(i)} of another of the same size. */
    Tensor copied(Tensor tensor, String name, long[] shape, LongUnaryOperator source) {
        requireElements(tensor, shape);
        if (tensor.dtype().isQuantized()) {
            try (Arena temporary = Arena.ofConfined()) {
                Tensor decoded = new Rearrangement(temporary).mapped(tensor, tensor.name(), tensor.shape(), x -> x);
                return copied(decoded, name, shape, source);
            }
        }
        int bytes = tensor.dtype().bytes();
        MemorySegment data = allocate(arena, name, tensor.data().byteSize(), bytes);
        for (long i = 0; i < tensor.elements(); i++) {
            MemorySegment.copy(tensor.data(), source.applyAsLong(i) * bytes, data, i * bytes, bytes);
        }
        return new Tensor(name, tensor.dtype(), shape, data);
    }

    /** A function of each number, as float32. */
    Tensor mapped(Tensor tensor, String name, long[] shape, DoubleUnaryOperator function) {
        requireElements(tensor, shape);
        long bytes = TensorTable.bytes(name, DType.F32, shape);
        MemorySegment data = allocate(arena, name, bytes, 4);
        int width = Math.toIntExact(Math.min(1 << 16, tensor.elements()));
        float[] row = new float[width];
        for (long from = 0; from < tensor.elements(); from += width) {
            int count = Math.toIntExact(Math.min(width, tensor.elements() - from));
            tensor.read(from, count, row);
            for (int i = 0; i < count; i++) {
                data.set(FLOAT, 4 * (from + i), (float) function.applyAsDouble(row[i]));
            }
        }
        return new Tensor(name, DType.F32, shape, data);
    }

    /** The numbers times a power of two, which is exact in every type but for numbers near the ends of its range. */
    Tensor scaled(Tensor tensor, String name, float powerOfTwo) {
        return switch (tensor.dtype()) {
            case F16 -> scaledHalves(tensor, name, 1, 0, 1, powerOfTwo);
            // A block's values are linear in its float16 numbers: a scale, or a scale and a minimum.
            case Q4_0, Q5_0, Q8_0 -> scaledHalves(tensor, name, tensor.dtype().bytes() / 2, 0, 1, powerOfTwo);
            case Q4_1, Q5_1, Q4_K, Q5_K ->
                scaledHalves(tensor, name, tensor.dtype().bytes() / 2, 0, 2, powerOfTwo);
            case Q6_K -> scaledHalves(tensor, name, tensor.dtype().bytes() / 2, 104, 1, powerOfTwo);
            default -> mapped(tensor, name, tensor.shape(), x -> x * powerOfTwo);
        };
    }

    /** Multiplies {@code count} float16 numbers in every {@code period}, from {@code first} on. */
    private Tensor scaledHalves(Tensor tensor, String name, int period, int first, int count, float powerOfTwo) {
        MemorySegment data = allocate(arena, name, tensor.data().byteSize(), 2);
        data.copyFrom(tensor.data());
        for (long block = 0; block < data.byteSize() / 2; block += period) {
            for (long at = 2 * (block + first); at < 2 * (block + first + count); at += 2) {
                float value = Float.float16ToFloat(data.get(SHORT, at));
                data.set(SHORT, at, Float.floatToFloat16(value * powerOfTwo));
            }
        }
        return new Tensor(name, tensor.dtype(), tensor.shape(), data);
    }

    /** Room in native memory for a tensor that cannot stay where the file has it. */
    static MemorySegment allocate(Arena arena, String name, long bytes, int alignment) {
        try {
            return arena.allocate(bytes, alignment);
        } catch (OutOfMemoryError e) {
            // Native memory has a limit of its own, -XX:MaxDirectMemorySize, by default the size of the heap.
            throw new CheckpointException(
                    "tensor %s is not stored as it is needed and takes %d bytes of native memory;"
                                    .formatted(quoted(name), bytes)
                            + " raise -XX:MaxDirectMemorySize or convert the file to official names and shapes",
                    e);
        }
    }

    /** The shape of a tensor, which must have one of these numbers of dimensions. */
    static long[] requireRank(Tensor tensor, int least, int most) {
        long[] shape = tensor.shape();
        if (shape.length < least || shape.length > most) {
            throw damaged("tensor %s has shape %s; expected %d to %d dimensions"
                    .formatted(quoted(tensor.name()), Arrays.toString(shape), least, most));
        }
        return shape;
    }

    private static void requireElements(Tensor tensor, long... shape) {
        requireElements(tensor, 1, shape);
    }

    private static void requireElements(Tensor tensor, int count, long... shape) {
        if (tensor.elements() % count != 0 || tensor.elements() / count != Tensor.elements(shape)) {
            throw damaged("tensor %s has shape %s; expected %d × %s"
                    .formatted(quoted(tensor.name()), Arrays.toString(tensor.shape()), count, Arrays.toString(shape)));
        }
    }
}
