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
    /** z · sigmoid(z): the gate of RWKV-5 and RWKV-6. */
    SILU,
    /** z · tanh(ln(1 + exp(z))): RWKV-1. */
    MISH,
    /** exp(−exp(z)): the decay of RWKV-6, in (0, 1). */
    DECAY6,
    /** exp(−exp(−1/2) · sigmoid(z)): the decay of RWKV-7, in (0.545, 1). */
    DECAY7,
    /** Added to what is stored there: the way back into the residual stream. */
    ADD,
    /** Multiplied into what is stored there, such as a gate. */
    MULTIPLY
}
