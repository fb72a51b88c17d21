package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Products;
import java.util.Arrays;
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
    private final Kernels.Scratch[] scratch;
    private final CpuProduct[] products = new CpuProduct[Products.MOST];
    private final Preparation preparation = new Preparation();
    private int rows;

    MatrixProducts(Kernels kernels, WorkerPool pool, Kernels.Scratch[] scratch) {
        this.kernels = kernels;
        this.pool = pool;
        this.scratch = scratch;
        Arrays.setAll(products, _ -> new CpuProduct());
    }

    void multiply(int count, Products group) {
        rows = count;
        int units = 0;
        for (int i = 0; i < group.count(); i++) {
            products[i].set(group, i, count);
            if (isFirstToRead(i)) {
                preparation.prepare(products[i]);
            }
            units += units(products[i].matrix);
        }
        pool.run(this, units);
    }

    /** Whether no earlier product of the group reads the same input in the same form. */
    private boolean isFirstToRead(int product) {
        for (int earlier = 0; earlier < product; earlier++) {
            if (products[product].readsAs(products[earlier])) {
                return false;
            }
        }
        return true;
    }

    private int units(CpuMatrix matrix) {
        return rows == 1 ? Math.ceilDiv(matrix.pairs(), PAIRS) : matrix.pairs();
    }

    @Override
    public void run(int unit, int worker) {
        int i = 0;
        int within = unit;
        for (int units = units(products[i].matrix); within >= units; units = units(products[i].matrix)) {
            within -= units;
            i++;
        }
        int pairs = rows == 1 ? PAIRS : 1;
        int last = Math.min(products[i].matrix.pairs(), (within + 1) * pairs);
        kernels.multiply(products[i], within * pairs, last, scratch[worker]);
    }

    /** Brings the rows of an input into the form that the kernels read. */
    private final class Preparation implements WorkerPool.Task {
        private @Nullable CpuProduct product;

        void prepare(CpuProduct of) {
            product = of;
            kernels.makeRoom(of);
            pool.run(this, Math.ceilDiv(rows, kernels.preparedTogether()));
        }

        @Override
        public void run(int unit, int worker) {
            CpuProduct of = product;
            if (of != null) {
                int first = unit * kernels.preparedTogether();
                kernels.prepare(of, first, Math.min(rows, first + kernels.preparedTogether()));
            }
        }
    }
}
