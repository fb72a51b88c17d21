package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
    private final ModelOptions options;
    private final Set<String> unused;

    Parameters(Map<String, Tensor> tensors, Compute compute, ModelOptions options) {
        this.tensors = tensors;
        this.compute = compute;
        this.options = options;
        this.unused = new LinkedHashSet<>(tensors.keySet());
    }

    ModelOptions options() {
        return options;
    }

    boolean has(String name) {
        return tensors.containsKey(name);
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

    /** The first dimension of a tensor. */
    int leadingDimension(String name) {
        long[] shape = tensor(name).shape();
        if (shape.length == 0 || shape[0] > Integer.MAX_VALUE) {
            throw new CheckpointException(
                    "%s has shape %s, but a number for each head is expected".formatted(name, Arrays.toString(shape)));
        }
        return (int) shape[0];
    }

    /** Refuses a number of heads that keys can't be cut into. */
    void requireDivisible(String name, int width, int heads) {
        if (heads == 0 || width % heads != 0) {
            throw new CheckpointException("%s has shape %s, but keys of width %d can't be cut into %d heads"
                    .formatted(name, Arrays.toString(tensor(name).shape()), width, heads));
        }
    }

    /** Number of elements of a tensor, whatever its shape. */
    long elements(String name) {
        return tensor(name).elements();
    }

    DType dtype(String name) {
        return tensor(name).dtype();
    }

    /** The sizes of RWKV-2 to RWKV-4. */
    ModelConfig configWithoutHeads(Architecture architecture) {
        int[] emb = shape("emb.weight", 2);
        int ffnSize = shape("blocks.0.ffn.key.weight", 2)[0];
        return new ModelConfig(architecture, layers(), emb[1], 0, 0, ffnSize, emb[0], 0, count(), dtype("head.weight"));
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
        return compute.matrix(take(name, out, in), options.quantization());
    }

    /** A low-rank adapter, stored as [in, out] and never quantised. */
    Matrix adapter(String name, int in, int out) {
        return compute.transposed(take(name, in, out));
    }

    /** One of several adapters that are stored in one tensor [adapters, in, out]. */
    Matrix adapterOf(String name, int index, int adapters, int in, int out) {
        Tensor all = take(name, adapters, in, out);
        long bytes = all.data().byteSize() / adapters;
        return compute.transposed(
                new Tensor(name, all.dtype(), new long[] {in, out}, all.data().asSlice(index * bytes, bytes)));
    }

    /** One of several adapters that are stored side by side in one tensor [in, adapters · out]. */
    Matrix adapterBeside(String name, int index, int adapters, int in, int out) {
        Tensor all = take(name, in, adapters * out);
        long bytes = (long) out * all.dtype().bytes();
        // Shared, because workers pack it.
        try (Arena arena = Arena.ofShared()) {
            MemorySegment one = arena.allocate(in * bytes);
            for (int i = 0; i < in; i++) {
                MemorySegment.copy(all.data(), ((long) i * adapters + index) * bytes, one, i * bytes, bytes);
            }
            return compute.transposed(new Tensor(name, all.dtype(), new long[] {in, out}, one));
        }
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

    /** A vector of what {@code function} makes of the stored numbers. */
    Buffer vector(String name, int width, Function function) {
        return compute.parameters(width, applied(take(name, width), 1, function));
    }

    /** As {@link #vector} from numbers that are stored for each head and channel, or for each head to serve its channels. */
    Buffer perHead(String name, int heads, int headSize, Function function) {
        Tensor stored = elements(name) == heads ? take(name, heads) : take(name, heads, headSize);
        int repeat = stored.elements() == heads ? headSize : 1;
        return compute.parameters(heads * headSize, applied(stored, repeat, function));
    }

    /**
     * The amounts of a token shift from the mixes of RWKV-2 to RWKV-5, which weigh the row itself where an amount weighs
     * the row before.
     */
    Buffer amountsOf(int width, String... mixes) {
        return compute.parameters(
                width,
                Arrays.stream(mixes)
                        .map(name -> applied(take(name, width), 1, mix -> 1 - mix))
                        .toArray(Tensor[]::new));
    }

    /** Numbers that no file holds, as a vector. */
    Buffer constant(float... values) {
        return compute.parameters(
                values.length,
                new Tensor("a constant", DType.F32, new long[] {values.length}, MemorySegment.ofArray(values)));
    }

    /** One row of numbers for each of {@code rows}. */
    Buffer table(String name, int rows, int columns) {
        return compute.parameters(columns, take(name, rows, columns));
    }

    /** What turns stored numbers into those that are used. */
    interface Function {
        float apply(float stored);
    }

    private static Tensor applied(Tensor tensor, int repeat, Function function) {
        float[] values = new float[Math.toIntExact(tensor.elements() * repeat)];
        for (int i = 0; i < values.length; i++) {
            float stored = tensor.get(i / repeat);
            // An exponential would make a number of an infinite one.
            values[i] = Float.isFinite(stored) ? function.apply(stored) : Float.NaN;
        }
        return new Tensor(tensor.name(), DType.F32, new long[] {values.length}, MemorySegment.ofArray(values));
    }

    /** A state of one matrix per head, which starts as trained where the checkpoint says so. */
    StateLayout.Part matrices(StateLayout stateLayout, String att, int heads, int headSize) {
        StateLayout.Part part = stateLayout.matrices(att + "state", heads, headSize);
        String trained = att + InitialState.SUFFIX;
        if (has(trained)) {
            stateLayout.startsWith(part, InitialState.byKey(take(trained, heads, headSize, headSize), headSize));
        }
        return part;
    }

    /** Room for the activations of a batch's rows. */
    Buffer buffer(int width) {
        return compute.buffer(options.maxRows(), width);
    }

    Buffer[] buffers(int count, int width) {
        Buffer[] buffers = new Buffer[count];
        for (int i = 0; i < count; i++) {
            buffers[i] = buffer(width);
        }
        return buffers;
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
