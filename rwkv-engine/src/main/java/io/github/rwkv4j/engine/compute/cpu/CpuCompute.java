package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.Rkv;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.Windows;
import io.github.rwkv4j.engine.compute.Wkv7;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The CPU: weights in panels for the kernels, activations and states in native memory, one pool of workers. */
public final class CpuCompute implements Compute {
    private final Kernels kernels;
    private final WorkerPool pool;
    private final Arena arena = Arena.ofShared();
    private final WeightMemory weights = new WeightMemory(arena);
    private final Kernels.Scratch[] scratch;
    private final MatrixProducts multiplication;
    private final Rows rows;
    private final DynamicShift dynamicShift;
    private final Histories histories;
    private final Recurrences recurrences;
    private final Recurrence7 recurrence;
    private long weightBytes;
    private boolean closed;

    /** Uses the best kernels that this JVM can run, on {@code threads} threads, the caller's included. */
    public CpuCompute(int threads) {
        this(KernelLookup.best(), threads);
    }

    CpuCompute(Kernels kernels, int threads) {
        this.kernels = kernels;
        this.pool = new WorkerPool(threads);
        this.scratch = new Kernels.Scratch[threads];
        Arrays.setAll(scratch, _ -> kernels.newScratch(arena));
        this.multiplication = new MatrixProducts(kernels, pool, scratch);
        this.rows = new Rows(kernels, pool);
        this.dynamicShift = new DynamicShift(kernels, pool);
        this.histories = new Histories(pool);
        this.recurrences = new Recurrences(kernels, pool, scratch);
        this.recurrence = new Recurrence7(kernels, pool, scratch);
    }

    @Override
    public String description() {
        return "CPU, " + kernels.name();
    }

    @Override
    public int threads() {
        return pool.workers();
    }

    @Override
    public long weightBytes() {
        return weightBytes;
    }

    @Override
    public Matrix matrix(Tensor weights, Quantization quantization) {
        CpuMatrix.Type type =
                switch (Quantization.kept(weights.dtype(), quantization)) {
                    case NONE -> PanelPacker.typeOf(weights.dtype());
                    case Q8_0 -> kernels.eightBits();
                    case Q4_0 -> kernels.fourBits();
                };
        return pack(weights, false, type);
    }

    @Override
    public Matrix transposed(Tensor weights) {
        return pack(weights, true, PanelPacker.typeOf(weights.dtype()));
    }

    private Matrix pack(Tensor tensor, boolean transposed, CpuMatrix.Type type) {
        CpuMatrix matrix = CpuMatrix.pack(tensor, transposed, type, weights, pool);
        for (Kernels.Scratch worker : scratch) {
            worker.reserve(matrix);
        }
        weightBytes += matrix.data().byteSize();
        return matrix;
    }

    @Override
    public Embedding embedding(Tensor table) {
        long[] shape = table.squeezed();
        weightBytes += table.data().byteSize();
        return new CpuEmbedding(table, Math.toIntExact(shape[shape.length - 1]));
    }

    @Override
    public Buffer parameters(int width, Tensor... tensors) {
        long elements = Arrays.stream(tensors).mapToLong(Tensor::elements).sum();
        CpuBuffer buffer = new CpuBuffer(arena, Math.toIntExact(elements / width), width);
        int at = 0;
        for (Tensor tensor : tensors) {
            for (long i = 0; i < tensor.elements(); i++, at++) {
                float value = tensor.get(i);
                if (!Float.isFinite(value)) {
                    throw new CheckpointException("%s has an infinite or undefined number at %d: the file is damaged"
                            .formatted(tensor.name(), i));
                }
                buffer.set(at / width, at % width, value);
            }
        }
        weightBytes += buffer.data().byteSize();
        return buffer;
    }

    @Override
    public Buffer buffer(int rows, int width) {
        return new CpuBuffer(arena, rows, width);
    }

    @Override
    public State newState(StateLayout layout) {
        return new CpuState(layout);
    }

    @Override
    public void copy(State from, State to) {
        ((CpuState) to).copyFrom((CpuState) from);
    }

    @Override
    public void read(State state, int offset, float[] out) {
        MemorySegment.copy(((CpuState) state).data(), CpuBuffer.FLOAT, 4L * offset, out, 0, out.length);
    }

    @Override
    public void write(State state, int offset, float[] values) {
        ((CpuState) state).write(offset, values);
    }

    @Override
    public void read(Buffer buffer, int row, float[] out) {
        CpuBuffer source = (CpuBuffer) buffer;
        MemorySegment.copy(source.data(), CpuBuffer.FLOAT, source.offset(row), out, 0, source.width());
    }

    @Override
    public void embed(Batch batch, Embedding table, Buffer out) {
        for (int row = 0; row < batch.rows(); row++) {
            ((CpuEmbedding) table).read(batch.token(row), (CpuBuffer) out, row);
        }
    }

    @Override
    public void gather(int[] rows, int count, Buffer in, Buffer out) {
        CpuBuffer source = (CpuBuffer) in;
        CpuBuffer target = (CpuBuffer) out;
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(
                    source.data(), source.offset(rows[i]), target.data(), target.offset(i), 4L * source.width());
        }
    }

    @Override
    public void layerNorm(int count, Buffer in, Norm norm, Buffer out) {
        rows.layerNorm(count, (CpuBuffer) in, norm, (CpuBuffer) out);
    }

    @Override
    public void tokenShift(Batch batch, StateLayout.Part shift, Buffer y, Buffer amounts, Buffer... out) {
        rows.tokenShift(batch, shift, (CpuBuffer) y, (CpuBuffer) amounts, out);
    }

    @Override
    public void peekShift(Batch batch, StateLayout.Part shift, Buffer y, Buffer amounts, Buffer out) {
        dynamicShift.peek(batch, shift, (CpuBuffer) y, amounts, out);
    }

    @Override
    public void dynamicShift(Batch batch, StateLayout.Part shift, Buffer y, Buffer[] amounts, Buffer[] out) {
        dynamicShift.shift(batch, shift, (CpuBuffer) y, amounts, out);
    }

    @Override
    public void multiply(int count, Products products) {
        multiplication.multiply(count, products);
    }

    @Override
    public void interpolate(int count, Buffer from, Buffer to, Buffer amount) {
        rows.interpolate(count, (CpuBuffer) from, (CpuBuffer) to, (CpuBuffer) amount);
    }

    @Override
    public void add(int count, Buffer x, Buffer y) {
        rows.add(count, (CpuBuffer) x, (CpuBuffer) y);
    }

    @Override
    public void wkv1(Batch batch, StateLayout.Part sums, int column, Rkv t, Windows windows, Buffer out) {
        histories.t.set(t, out);
        histories.wkv1(batch, sums, column, windows);
    }

    @Override
    public void wkv2(
            Batch batch, StateLayout.Part state, Rkv t, Buffer decay, Buffer bonus, float epsilon, Buffer out) {
        recurrences.t.set(t, out).decayingBy(decay, bonus);
        recurrences.wkv2(batch, state, epsilon);
    }

    @Override
    public void wkv4(Batch batch, StateLayout.Part state, Rkv t, Buffer decay, Buffer bonus, Buffer out) {
        recurrences.t.set(t, out).decayingBy(decay, bonus);
        recurrences.wkv4(batch, state);
    }

    @Override
    public void wkv6(Batch batch, StateLayout.Part state, int headSize, Rkv t, Buffer decay, Buffer bonus, Buffer out) {
        recurrences.t.set(t, out).decayingBy(decay, bonus);
        recurrences.wkv6(batch, state, headSize);
    }

    @Override
    public void headNorm(int count, int headSize, Buffer o, Norm norm) {
        recurrences.headNorm(count, headSize, (CpuBuffer) o, norm, null);
    }

    @Override
    public void headNorm(int count, int headSize, Buffer o, Norm norm, Buffer g) {
        recurrences.headNorm(count, headSize, (CpuBuffer) o, norm, (CpuBuffer) g);
    }

    @Override
    public void scaleByPosition(Batch batch, Buffer table, Buffer x) {
        histories.scaleByPosition(batch, (CpuBuffer) table, (CpuBuffer) x);
    }

    @Override
    public void copyHead(Batch batch, int column, Buffer keys, Buffer queries, Buffer logits) {
        histories.copyHead(batch, column, (CpuBuffer) keys, (CpuBuffer) queries, (CpuBuffer) logits);
    }

    @Override
    public void keys7(int count, int headSize, Wkv7 t, Buffer k_k, Buffer k_a) {
        recurrence.keys(count, headSize, t, (CpuBuffer) k_k, (CpuBuffer) k_a);
    }

    @Override
    public void wkv7(Batch batch, StateLayout.Part state, int headSize, Wkv7 t, Buffer out) {
        recurrence.wkv(batch, state, headSize, t, out);
    }

    @Override
    public void headNorm7(int count, int headSize, Buffer o, Norm norm, Wkv7 t, Buffer r_k, Buffer g) {
        recurrence.headNorm(count, headSize, (CpuBuffer) o, norm, t, (CpuBuffer) r_k, (CpuBuffer) g);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            pool.close();
            arena.close();
        }
    }
}
