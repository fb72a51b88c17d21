package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.weights.Tensor;

/** Reads rows where the file is mapped. */
record CpuEmbedding(Tensor table, int width) implements Embedding {
    void read(int token, CpuBuffer out, int row) {
        long start = (long) token * width;
        for (int i = 0; i < width; i++) {
            out.set(row, i, table.get(start + i));
        }
    }
}
