package io.github.rwkv4j.engine.compute;

/**
 * What every recurrence before RWKV-7 reads, each [rows, width].
 *
 * @param r receptance: after the sigmoid up to RWKV-4, as it is from RWKV-5 on
 * @param k key
 * @param v value
 */
public record Rkv(Buffer r, Buffer k, Buffer v) {}
