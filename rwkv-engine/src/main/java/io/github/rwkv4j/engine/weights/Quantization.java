package io.github.rwkv4j.engine.weights;

/** How the large matrices are kept in memory. */
public enum Quantization {
    /** As the file stores them: float32, float16 or bfloat16; what is quantised in the file stays quantised. */
    NONE,
    /** Eight bits: blocks of 32 numbers along a row share one float16 scale. */
    Q8_0
}
