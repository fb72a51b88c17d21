package io.github.rwkv4j.engine.compute;

/** A table [vocabulary size, width] of which single rows are read, never multiplied. */
public interface Embedding {
    int width();
}
