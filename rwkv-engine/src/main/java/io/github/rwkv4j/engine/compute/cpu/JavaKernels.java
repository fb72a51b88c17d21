package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.PANEL;

import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Norm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What the kernels in Java share: the order in which a product goes through its panels and rows, and the operations on
 * rows, which are plain Java for both.
 *
 * <p>A <b>tile</b> is a scratch area of a worker, {@value #TILE_ROWS} rows of {@value #TILE_COLUMNS} float32. One row
 * streams each panel once; several rows first widen two panels to float32 in a scratch area that stays in the
 * second-level cache, then go through it in tiles.
 */
abstract class JavaKernels implements Kernels {
    /** Rows of a tile. */
    static final int TILE_ROWS = CpuBuffer.PACKED_ROWS;

    /** Outputs of a tile: two panels. */
    static final int TILE_COLUMNS = 2 * PANEL;

    /** On the heap, since the Vector API is at its best on arrays. */
    static final class HeapScratch implements Scratch {
        private final float[] tile = new float[TILE_ROWS * TILE_COLUMNS];
        private float[] widened = {};
        private @Nullable HeadScratch head;

        @Override
        public void reserve(CpuMatrix matrix) {
            if (widened.length < matrix.widenedSize()) {
                widened = new float[matrix.widenedSize()];
            }
        }

        HeadScratch head(int headSize) {
            HeadScratch present = head;
            if (present == null || present.headSize() != headSize) {
                present = new HeadScratch(headSize);
                head = present;
            }
            return present;
        }
    }

    @Override
    public final CpuMatrix.Type eightBits() {
        return CpuMatrix.Type.Q8;
    }

    @Override
    public final CpuMatrix.Type fourBits() {
        return CpuMatrix.Type.Q4;
    }

    @Override
    public final Scratch newScratch(Arena arena) {
        return new HeapScratch();
    }

    @Override
    public final void makeRoom(CpuProduct product) {
        if (product.quantised()) {
            product.in.quants();
            product.in.scales();
        }
        if (product.rows > 1) {
            product.in.packed(product.quantised());
        }
    }

    @Override
    public final int preparedTogether() {
        return TILE_ROWS;
    }

    @Override
    public final void prepare(CpuProduct product, int first, int last) {
        if (product.quantised()) {
            for (int row = first; row < last; row++) {
                quantize(product.in, row);
            }
        }
        if (product.rows > 1) {
            product.in.pack(product.quantised(), first, last);
        }
    }

    @Override
    public final void multiply(CpuProduct product, int firstPair, int lastPair, Scratch scratch) {
        CpuMatrix matrix = product.matrix;
        CpuBuffer in = product.in;
        float[] tile = ((HeapScratch) scratch).tile;
        float[] widened = ((HeapScratch) scratch).widened;
        for (int pair = firstPair; pair < lastPair; pair++) {
            if (product.rows == 1) {
                multiplyRow(matrix, 2 * pair, in, 0, tile);
                store(tile, 0, product, 0, pair * TILE_COLUMNS);
                continue;
            }
            widen(matrix, 2 * pair, widened);
            float[] packed = in.packed(product.quantised());
            for (int row = 0; row < product.rows; row += TILE_ROWS) {
                int from = row / TILE_ROWS * in.packedTile(product.quantised());
                multiplyTile(matrix, widened, packed, from, tile);
                for (int i = 0; i < Math.min(TILE_ROWS, product.rows - row); i++) {
                    store(tile, i, product, row + i, pair * TILE_COLUMNS);
                }
            }
        }
    }

    private void store(float[] tile, int tileRow, CpuProduct product, int row, int column) {
        store(tile, tileRow, product.bias, product.epilogue, product.out, row, column);
    }

    /** Two panels times one row of {@code in}, into the first row of {@code tile}. */
    abstract void multiplyRow(CpuMatrix matrix, int panel, CpuBuffer in, int row, float[] tile);

    /**
     * Widens two panels to float32 for {@link #multiplyTile}: [panel][columns][16] numbers, then for 8-bit weights
     * [panel][blocks][16] scales.
     */
    abstract void widen(CpuMatrix matrix, int panel, float[] widened);

    /**
     * Two widened panels times six rows.
     *
     * @param x packed rows: [columns][6] numbers, then for 8-bit weights [blocks][6] scales
     * @param from where they begin
     */
    abstract void multiplyTile(CpuMatrix matrix, float[] widened, float[] x, int from, float[] tile);

    /** Quantises one row to 8 bits: per block of 32 a scale |x|max / 127 and integers round-half-even(x / scale). */
    abstract void quantize(CpuBuffer buffer, int row);

    /** out[row][column …] = epilogue(tile[tileRow] + bias[column …]) for the tile's 32 columns. */
    abstract void store(
            float[] tile, int tileRow, @Nullable CpuBuffer bias, Epilogue epilogue, CpuBuffer out, int row, int column);

    @Override
    public final void normalise(MemorySegment in, long from, MemorySegment out, long to, int groups, int n, Norm norm) {
        MemorySegment weight = ((CpuBuffer) norm.weight()).data();
        MemorySegment bias = ((CpuBuffer) norm.bias()).data();
        for (int group = 0; group < groups; group++) {
            long start = 4L * group * n;
            float mean = Reductions.sum(in, from + start, n) / n;
            float variance = Reductions.squares(in, from + start, n, mean) / n;
            float scale = (float) (1 / Math.sqrt(variance + norm.epsilon()));
            for (long at = start; at < start + 4L * n; at += 4) {
                float x = (in.get(FLOAT, from + at) - mean) * scale;
                out.set(FLOAT, to + at, x * weight.get(FLOAT, at) + bias.get(FLOAT, at));
            }
        }
    }

    @Override
    public final void shift(
            MemorySegment y,
            long at,
            MemorySegment previous,
            long before,
            MemorySegment amount,
            long amountAt,
            MemorySegment out,
            long to,
            int n) {
        for (long i = 0; i < 4L * n; i += 4) {
            float now = y.get(FLOAT, at + i);
            float then = previous.get(FLOAT, before + i);
            out.set(FLOAT, to + i, now + (then - now) * amount.get(FLOAT, amountAt + i));
        }
    }

    @Override
    public final void keys7(CpuWkv7 t, CpuBuffer k_k, CpuBuffer k_a, int headSize, int row) {
        MemorySegment k = t.k.data();
        MemorySegment kk = t.kk.data();
        for (int head = 0; head < t.k.width(); head += headSize) {
            long at = t.k.offset(row) + 4L * head;
            for (int i = 0; i < headSize; i++) {
                kk.set(FLOAT, at + 4L * i, k.get(FLOAT, at + 4L * i) * k_k.get(0, head + i));
            }
            float norm = (float) Math.sqrt(Reductions.squares(kk, at, headSize, 0));
            float scale = 1 / Math.max(norm, 1e-12f);
            for (int i = 0; i < headSize; i++) {
                long here = at + 4L * i;
                kk.set(FLOAT, here, kk.get(FLOAT, here) * scale);
                float amount = 1 + (t.a.data().get(FLOAT, here) - 1) * k_a.get(0, head + i);
                k.set(FLOAT, here, k.get(FLOAT, here) * amount);
            }
        }
    }

    @Override
    public final void bonus7(CpuBuffer o, CpuWkv7 t, CpuBuffer r_k, CpuBuffer g, int headSize, int row) {
        for (int head = 0; head < o.width(); head += headSize) {
            float bonus = Reductions.products(t.r, t.k, r_k, row, head, headSize);
            for (int i = head; i < head + headSize; i++) {
                o.set(row, i, (o.get(row, i) + bonus * t.v.get(row, i)) * g.get(row, i));
            }
        }
    }
}
