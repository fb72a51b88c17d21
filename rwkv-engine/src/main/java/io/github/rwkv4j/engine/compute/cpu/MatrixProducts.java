package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Products;
import org.jspecify.annotations.Nullable;

/**
 * A group of matrix products cut into units of work: a few pairs of panels of one matrix, for all rows. Each weight is
 * read from memory once, whatever the number of rows.
 */
final class MatrixProducts implements WorkerPool.Task {
    /** Pairs of panels in a unit of work when there is one row; with more rows a unit is one pair. */
    private static final int PAIRS = 2;

    private final Kernels kernels;
    private final WorkerPool pool;
    private final float[][] tiles;
    private final float[][] widened;
    private final Preparation preparation = new Preparation();
    private Products products = new Products();
    private int rows;

    MatrixProducts(Kernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
        this.tiles = new float[pool.workers()][Kernels.TILE_ROWS * Kernels.TILE_COLUMNS];
        this.widened = new float[pool.workers()][0];
    }

    /** Makes room for widened panels of a matrix. */
    void reserve(CpuMatrix matrix) {
        if (widened[0].length < matrix.widenedSize()) {
            for (int worker = 0; worker < widened.length; worker++) {
                widened[worker] = new float[matrix.widenedSize()];
            }
        }
    }

    void multiply(int rows, Products products) {
        this.products = products;
        this.rows = rows;
        int units = 0;
        for (int i = 0; i < products.count(); i++) {
            CpuMatrix matrix = (CpuMatrix) products.matrix(i);
            if (isFirstToRead(i)) {
                preparation.prepare((CpuBuffer) products.input(i), quantised(i), rows);
            }
            units += units(matrix);
        }
        pool.run(this, units);
    }

    private boolean quantised(int product) {
        return ((CpuMatrix) products.matrix(product)).type() == CpuMatrix.Type.Q8;
    }

    /** Whether no earlier product of the group reads the same input in the same form. */
    private boolean isFirstToRead(int product) {
        for (int earlier = 0; earlier < product; earlier++) {
            if (products.input(earlier) == products.input(product) && quantised(earlier) == quantised(product)) {
                return false;
            }
        }
        return true;
    }

    private int units(CpuMatrix matrix) {
        int pairs = matrix.panels() / 2;
        return rows == 1 ? Math.ceilDiv(pairs, PAIRS) : pairs;
    }

    @Override
    public void run(int unit, int worker) {
        int product = 0;
        int within = unit;
        CpuMatrix matrix = (CpuMatrix) products.matrix(product);
        while (within >= units(matrix)) {
            within -= units(matrix);
            matrix = (CpuMatrix) products.matrix(++product);
        }
        CpuBuffer in = (CpuBuffer) products.input(product);
        if (rows == 1) {
            int last = Math.min(matrix.panels() / 2, (within + 1) * PAIRS);
            for (int pair = within * PAIRS; pair < last; pair++) {
                kernels.multiplyRow(matrix, 2 * pair, in, 0, tiles[worker]);
                store(product, 0, 1, pair, tiles[worker]);
            }
        } else {
            kernels.widen(matrix, 2 * within, widened[worker]);
            boolean quantised = quantised(product);
            float[] packed = in.packed(quantised);
            for (int row = 0; row < rows; row += Kernels.TILE_ROWS) {
                int from = row / Kernels.TILE_ROWS * in.packedTile(quantised);
                kernels.multiplyTile(matrix, widened[worker], packed, from, tiles[worker]);
                store(product, row, Math.min(Kernels.TILE_ROWS, rows - row), within, tiles[worker]);
            }
        }
    }

    private void store(int product, int row, int count, int pair, float[] tile) {
        @Nullable CpuBuffer bias = (CpuBuffer) products.bias(product);
        Epilogue epilogue = products.epilogue(product);
        CpuBuffer out = (CpuBuffer) products.output(product);
        for (int i = 0; i < count; i++) {
            kernels.store(tile, i, bias, epilogue, out, row + i, pair * Kernels.TILE_COLUMNS);
        }
    }

    /** Brings the rows of an input into the form that the kernels read: quantised, and packed when there are several. */
    private final class Preparation implements WorkerPool.Task {
        private @Nullable CpuBuffer buffer;
        private boolean quantised;
        private int rows;

        void prepare(CpuBuffer buffer, boolean quantised, int rows) {
            this.buffer = buffer;
            this.quantised = quantised;
            this.rows = rows;
            if (quantised) {
                buffer.quants();
                buffer.scales();
            }
            if (rows > 1) {
                buffer.packed(quantised);
                pool.run(this, Math.ceilDiv(rows, Kernels.TILE_ROWS));
            } else if (quantised) {
                kernels.quantize(buffer, 0);
            }
        }

        @Override
        public void run(int tile, int worker) {
            CpuBuffer in = buffer;
            if (in == null) {
                return;
            }
            int first = tile * Kernels.TILE_ROWS;
            int last = Math.min(rows, first + Kernels.TILE_ROWS);
            if (quantised) {
                for (int row = first; row < last; row++) {
                    kernels.quantize(in, row);
                }
            }
            in.pack(quantised, first, last);
        }
    }
}
