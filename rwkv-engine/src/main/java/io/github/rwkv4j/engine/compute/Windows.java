package io.github.rwkv4j.engine.compute;

/**
 * The time weights of a layer of RWKV-1, each [heads, context length].
 *
 * @param time_w the last column weighs distance 0, the one before it distance 1
 * @param time_alpha weight of the position that is read
 * @param time_beta weight of the position that reads
 */
public record Windows(Buffer time_w, Buffer time_alpha, Buffer time_beta) {}
