package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
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
    private final MatrixProducts multiplication;
    private final Rows rows;
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
        this.multiplication = new MatrixProducts(kernels, pool);
        this.rows = new Rows(pool);
        this.recurrence = new Recurrence7(kernels, pool);
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
        boolean eightBit = quantization == Quantization.Q8_0 || weights.dtype().isQuantized();
        CpuMatrix.Type type = eightBit ? CpuMatrix.Type.Q8 : PanelPacker.typeOf(weights.dtype());
        return pack(weights, false, type);
    }

    @Override
    public Matrix transposed(Tensor weights) {
        return pack(weights, true, PanelPacker.typeOf(weights.dtype()));
    }

    private Matrix pack(Tensor weights, boolean transposed, CpuMatrix.Type type) {
        CpuMatrix matrix = CpuMatrix.pack(weights, transposed, type, arena, pool);
        multiplication.reserve(matrix);
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
        ((CpuState) to).data().copyFrom(((CpuState) from).data());
    }

    @Override
    public void read(State state, int offset, float[] out) {
        MemorySegment.copy(((CpuState) state).data(), CpuBuffer.FLOAT, 4L * offset, out, 0, out.length);
    }

    @Override
    public void write(State state, int offset, float[] values) {
        MemorySegment.copy(values, 0, ((CpuState) state).data(), CpuBuffer.FLOAT, 4L * offset, values.length);
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
    public void multiply(int count, Products products) {
        multiplication.multiply(count, products);
    }

    @Override
    public void interpolate(int count, Buffer from, Buffer to, Buffer amount) {
        rows.interpolate(count, (CpuBuffer) from, (CpuBuffer) to, (CpuBuffer) amount);
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
