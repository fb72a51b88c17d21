package io.github.rwkv4j.engine.compute;

/** Rows of float32 on a device: activations (one row per token of a batch) or a model's vectors. */
public interface Buffer {
    /** Number of rows that fit. */
    int rows();

    /** Numbers in a row. */
    int width();
}
