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

    /** A state with nothing in its past: what the layout's parts start with. */
    State newState(StateLayout layout);

    // States and results.

    /** Makes {@code to} equal to {@code from}. */
    void copy(State from, State to);

    /** Copies numbers of a state, from {@code offset}, to the host; waits for what was asked before. */
    void read(State state, int offset, float[] out);

    /** Replaces numbers of a state, from {@code offset}; a state with a history grows where they lie beyond its end. */
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

    /** As {@link #tokenShift} with one row of amounts, but leaves the state as it is: the first of two that share a part. */
    void peekShift(Batch batch, StateLayout.Part shift, Buffer y, Buffer amounts, Buffer out);

    /**
     * The data-dependent token shift of RWKV-6: as {@link #tokenShift} with amounts of their own for each row.
     *
     * @param amounts one buffer [rows, width] for each of {@code out}
     */
    void dynamicShift(Batch batch, StateLayout.Part shift, Buffer y, Buffer[] amounts, Buffer[] out);

    /** All products of the group for the first {@code rows} rows; outputs and inputs are different buffers. */
    void multiply(int rows, Products products);

    /** from += (to − from) · amount, elementwise. */
    void interpolate(int rows, Buffer from, Buffer to, Buffer amount);

    /** x += y, elementwise. */
    void add(int rows, Buffer x, Buffer y);

    /**
     * The time mixing of RWKV-1 over the rows of each session, at position t, for channel c of head h: k = exp(clamp(k,
     * −60, 30)); out = r · (Σ_u time_w[h, T−1−(t−u)] · time_alpha[h, u] · time_beta[h, t] · k[u] · v[u]) / Σ_u k[u], over
     * the positions u ≤ t.
     *
     * @param sums the sum of the keys, one number for each channel
     * @param column where k · v lies in the rows of the state's history
     */
    void wkv1(Batch batch, StateLayout.Part sums, int column, Rkv t, Windows windows, Buffer out);

    /**
     * The recurrence of RWKV-2 and RWKV-3, for each channel: k = exp(min(k, 60)); out = r · (aa + bonus · k · v) / (bb +
     * bonus · k + epsilon); aa = decay · aa + k · v; bb = decay · bb + k.
     *
     * @param state aa, then bb
     * @param decay [1, width], in (0, 1)
     * @param bonus [1, width]
     */
    void wkv2(Batch batch, StateLayout.Part state, Rkv t, Buffer decay, Buffer bonus, float epsilon, Buffer out);

    /**
     * The recurrence of RWKV-4, for each channel: out = r · (e^pp · aa + e^(bonus+k) · v) / (e^pp · bb + e^(bonus+k)); aa, bb
     * decay by e^decay and take in e^k · v, e^k. All relative to the running maximum pp, so that nothing overflows.
     *
     * @param state aa, then bb, then pp, which starts at −1e30
     * @param decay [1, width], below 0
     * @param bonus [1, width]
     */
    void wkv4(Batch batch, StateLayout.Part state, Rkv t, Buffer decay, Buffer bonus, Buffer out);

    /**
     * The recurrence of RWKV-5 and RWKV-6 over the rows of each session, from and into its state S [head, key i, value j]:
     * out[j] = Σ_i r[i] (S[i][j] + bonus[i] k[i] v[j]); S[i][j] = decay[i] S[i][j] + k[i] v[j].
     *
     * @param decay in (0, 1): [rows, width], or [1, width] where it is the same for every row, as in RWKV-5
     * @param bonus [1, width]
     */
    void wkv6(Batch batch, StateLayout.Part state, int headSize, Rkv t, Buffer decay, Buffer bonus, Buffer out);

    /** Group norm over each head of {@code o}. */
    void headNorm(int rows, int headSize, Buffer o, Norm norm);

    /** Group norm over each head of {@code o}, then the gate: o = norm(o) · g. */
    void headNorm(int rows, int headSize, Buffer o, Norm norm, Buffer g);

    /** Multiplies each row by the number of its position: x[row] *= table[position]; for states with a history. */
    void scaleByPosition(Batch batch, Buffer table, Buffer x);

    /**
     * The copy head of RWKV-1 to RWKV-4: remembers each row's key and token in its state's history, and adds (query · key) /
     * width of a remembered position, the row's own included, to the logit of that position's token, for each of the
     * batch's logit rows. The last operation of a step: moves each session on by its rows.
     *
     * @param column where the key lies in the rows of the state's history; the token follows it
     * @param keys [rows, width]
     * @param queries [logit rows, width]
     * @param logits [logit rows, vocabulary size]
     */
    void copyHead(Batch batch, int column, Buffer keys, Buffer queries, Buffer logits);

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
