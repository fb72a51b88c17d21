package io.github.rwkv4j.engine.compute;

/** What happens to z = W x + bias before it is stored. */
public enum Epilogue {
    /** z. */
    NONE,
    /** 1 / (1 + exp(−z)). */
    SIGMOID,
    /** tanh(z). */
    TANH,
    /** max(z, 0)². */
    RELU_SQUARED,
    /** exp(−exp(−1/2) · sigmoid(z)): the decay of RWKV-7, in (0.545, 1). */
    DECAY7,
    /** Added to what is stored there: the way back into the residual stream. */
    ADD
}
