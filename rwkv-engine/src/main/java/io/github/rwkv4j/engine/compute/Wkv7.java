package io.github.rwkv4j.engine.compute;

/**
 * What the recurrence of RWKV-7 reads, each [rows, heads · head size].
 *
 * @param r receptance
 * @param w decay, in (0, 1)
 * @param k key
 * @param v value
 * @param a in-context learning rate, in (0, 1)
 * @param kk removal key, of length 1 in each head
 */
public record Wkv7(Buffer r, Buffer w, Buffer k, Buffer v, Buffer a, Buffer kk) {}
