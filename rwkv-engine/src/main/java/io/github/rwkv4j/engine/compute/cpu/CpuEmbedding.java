package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.weights.Tensor;

/** Reads rows where the file is mapped. */
final class CpuEmbedding implements Embedding {
    private final Tensor table;
    private final float[] row;

    CpuEmbedding(Tensor table, int width) {
        this.table = table;
        this.row = new float[width];
    }

    @Override
    public int width() {
        return row.length;
    }

    void read(int token, CpuBuffer out, int target) {
        table.read((long) token * row.length, row.length, row);
        for (int i = 0; i < row.length; i++) {
            out.set(target, i, row[i]);
        }
    }
}
