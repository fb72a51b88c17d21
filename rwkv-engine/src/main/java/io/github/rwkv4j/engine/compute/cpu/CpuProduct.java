package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Products;
import org.jspecify.annotations.Nullable;

/** One product of a group on this device, for some rows; set anew for each step without allocating. */
@SuppressWarnings("NullAway.Init") // set before it is used
final class CpuProduct {
    CpuMatrix matrix;
    CpuBuffer in;

    @Nullable
    CpuBuffer bias;

    Epilogue epilogue;
    CpuBuffer out;
    int rows;

    void set(Products products, int i, int count) {
        matrix = (CpuMatrix) products.matrix(i);
        in = (CpuBuffer) products.input(i);
        bias = (CpuBuffer) products.bias(i);
        epilogue = products.epilogue(i);
        out = (CpuBuffer) products.output(i);
        rows = count;
    }

    /** Whether the weights are quantised, so that the kernels read the input in 8 bits. */
    boolean quantised() {
        return matrix.type().quantised();
    }

    /** Whether {@code other} needs the input in the same form. */
    boolean readsAs(CpuProduct other) {
        return in == other.in && quantised() == other.quantised();
    }
}
