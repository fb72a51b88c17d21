package io.github.rwkv4j.engine.compute;

import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;

/**
 * One device and the operations that the networks are made of. A model is written once against this interface and
 * knows no kernel, thread, element type or device: weights are opaque {@link Matrix} handles in whatever layout the
 * device chose when they were made, activations and states are opaque rows of float32 that live there.
 *
 * <p>Operations run in the order of the calls, as if one at a time. A device may return before an operation is done;
 * only the {@code read} operations wait. One thread at a time uses a device, apart from making and freeing states.
 *
 * <p><b>Results don't depend on the company</b>: what an operation computes for a row is the same bit for bit, whatever
 * other rows there are and however a session's rows are cut into batches.
 *
 * <p>{@code rows} counts rows from the first. Handles of another device are refused by a ClassCastException.
 */
public interface Compute extends AutoCloseable {
    /** Which device and kernels these are, such as {@code CPU, Vector API 512 bit}. */
    String description();

    int threads();

    /** Bytes of memory that weights take on this device, mapped pages of a file included. */
    long weightBytes();

    // Making things. All but states belong to the device and are freed with it.

    /** W [out, in] as stored, in memory as {@code quantization} says. */
    Matrix matrix(Tensor weights, Quantization quantization);

    /** W from a file that stores it as [in, out], the way the low-rank adapters are. */
    Matrix transposed(Tensor weights);

    /** A table [vocabulary size, width]; may go on reading the tensor's own memory. */
    Embedding embedding(Tensor table);

    /** Parameters as rows of the given width; together the tensors' elements make whole rows. */
    Buffer parameters(int width, Tensor... tensors);

    /** Room for activations, zero at first. */
    Buffer buffer(int rows, int width);

    State newState(StateLayout layout);

    // States and results.

    /** Makes {@code to} equal to {@code from}. */
    void copy(State from, State to);

    /** Copies numbers of a state, from {@code offset}, to the host; waits for what was asked before. */
    void read(State state, int offset, float[] out);

    /** Replaces numbers of a state, from {@code offset}. */
    void write(State state, int offset, float[] values);

    /** Copies a row of a buffer to the host; waits for what was asked before. */
    void read(Buffer buffer, int row, float[] out);

    // Operations.

    /** out[row] = the table's row of the row's token. */
    void embed(Batch batch, Embedding table, Buffer out);

    /** out[i] = in[rows[i]] for i below count. */
    void gather(int[] rows, int count, Buffer in, Buffer out);

    /** Layer norm over each row; {@code out} may be {@code in}. */
    void layerNorm(int rows, Buffer in, Norm norm, Buffer out);

    /**
     * out[i] = y + (previous − y) · amounts[i] for each of {@code amounts}' rows, where previous is the row before in the
     * same session, or what the state's part holds from the batch before. Leaves each session's last row in that part.
     */
    void tokenShift(Batch batch, StateLayout.Part shift, Buffer y, Buffer amounts, Buffer... out);

    /** All products of the group for the first {@code rows} rows; outputs and inputs are different buffers. */
    void multiply(int rows, Products products);

    /** from += (to − from) · amount, elementwise. */
    void interpolate(int rows, Buffer from, Buffer to, Buffer amount);

    /**
     * The removal key and the modified key of RWKV-7, per head: kk = k · k_k / max(|k · k_k|, 1e-12), then k = k · (1 +
     * (a − 1) · k_a).
     *
     * @param k_k [1, width]
     * @param k_a [1, width]
     */
    void keys7(int rows, int headSize, Wkv7 t, Buffer k_k, Buffer k_a);

    /**
     * The recurrence of RWKV-7 over the rows of each session, from and into its state S [head, key j, value i]:
     * sa[i] = −Σ_j S[j][i] kk[j]; S[j][i] = S[j][i] w[j] + sa[i] kk[j] a[j] + v[i] k[j]; out[i] = Σ_j S[j][i] r[j].
     */
    void wkv7(Batch batch, StateLayout.Part state, int headSize, Wkv7 t, Buffer out);

    /**
     * Group norm over each head of {@code o}, then bonus and gate: o = (norm(o) + (Σ_j r[j] k[j] r_k[j]) v) · g.
     *
     * @param r_k [1, width]
     */
    void headNorm7(int rows, int headSize, Buffer o, Norm norm, Wkv7 t, Buffer r_k, Buffer g);

    /** Frees all weights and buffers and stops the threads. Idempotent. */
    @Override
    void close();
}
