package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Epilogue;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The inner loops that decide the speed. All implementations give the same bits: every output is one chain of fused
 * multiply-adds in a fixed order, and a vector only holds several outputs side by side. {@link ScalarKernels} is the
 * reference.
 *
 * <p>A <b>tile</b> is a scratch area of a worker, {@value #TILE_ROWS} rows of {@value #TILE_COLUMNS} float32.
 */
interface Kernels {
    /** Rows of a tile. */
    int TILE_ROWS = 6;

    /** Outputs of a tile: two panels. */
    int TILE_COLUMNS = 2 * CpuMatrix.PANEL;

    /** Such as {@code Vector API 512 bit}. */
    String name();

    /** Two panels times one row of {@code in}, into the first row of {@code tile}. */
    void multiplyRow(CpuMatrix matrix, int panel, CpuBuffer in, int row, float[] tile);

    /**
     * Widens two panels to float32 for {@link #multiplyTile}: [panel][columns][16] numbers, then for 8-bit weights
     * [panel][blocks][16] scales. On the heap, since the Vector API is at its best on arrays.
     */
    void widen(CpuMatrix matrix, int panel, float[] widened);

    /**
     * Two widened panels times six rows.
     *
     * @param x packed rows: [columns][6] numbers, then for 8-bit weights [blocks][6] scales
     * @param from where they begin
     */
    void multiplyTile(CpuMatrix matrix, float[] widened, float[] x, int from, float[] tile);

    /** Quantises one row to 8 bits: per block of 32 a scale |x|max / 127 and integers round-half-even(x / scale). */
    void quantize(CpuBuffer buffer, int row);

    /** out[row][column …] = epilogue(tile[tileRow] + bias[column …]) for the tile's 32 columns. */
    void store(
            float[] tile, int tileRow, @Nullable CpuBuffer bias, Epilogue epilogue, CpuBuffer out, int row, int column);

    /**
     * One head's recurrence over rows {@code first} to {@code last - 1}.
     *
     * @param offset of the head's matrix S [key][value] in the state, in bytes
     * @param t the operands, and this worker's scratch area
     * @param channel the head's first channel
     */
    void wkv7(MemorySegment state, long offset, int headSize, CpuWkv7 t, int channel, int first, int last);

    /** The recurrence of RWKV-4 for channels {@code channel} to {@code end - 1}; aa, bb, pp from {@code offset} bytes. */
    void wkv4(MemorySegment state, long offset, CpuRkv t, int channel, int end, int first, int last);

    /** One head's recurrence of RWKV-5 and RWKV-6, S [key][value] at {@code offset} bytes. */
    void wkv6(MemorySegment state, long offset, int head, int headSize, CpuRkv t, int first, int last);
}
