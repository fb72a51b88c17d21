package io.github.rwkv4j.engine.compute;

/**
 * A normalisation's parameters: (x − mean) / sqrt(variance + epsilon) · weight + bias, with the biased variance.
 *
 * @param weight [1, width]
 * @param bias [1, width]
 */
public record Norm(Buffer weight, Buffer bias, float epsilon) {}
