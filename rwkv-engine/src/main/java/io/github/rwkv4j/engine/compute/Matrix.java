package io.github.rwkv4j.engine.compute;

/** Weights W [rows, columns] in the type and layout that their device's kernels want; used as y = W x. */
public interface Matrix {
    /** Length of y. */
    int rows();

    /** Length of x. */
    int columns();
}
