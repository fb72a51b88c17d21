package io.github.rwkv4j.engine.weights;

/** How the large matrices are kept in memory. */
public enum Quantization {
    /** As the file stores them: float32, float16 or bfloat16; what is quantised in the file stays quantised. */
    NONE,
    /** Eight bits: blocks of 32 numbers along a row share one float16 scale. */
    Q8_0,
    /**
     * Four bits: blocks of 32 numbers along a row share one float16 scale, as GGUF's Q4_0. A little over half the memory of
     * eight bits, and nearly twice the speed; the error is about 16 times as large.
     */
    Q4_0;

    /**
     * How a matrix of a type is kept when {@code wanted} is asked for: with {@link #NONE} what is quantised in the file in
     * eight bits, but Q4_0 as it is.
     */
    public static Quantization kept(DType stored, Quantization wanted) {
        if (wanted != NONE || !stored.isQuantized()) {
            return wanted;
        }
        return stored == DType.Q4_0 ? Q4_0 : Q8_0;
    }
}
