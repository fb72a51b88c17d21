package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Norm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The inner loops that decide the speed. All implementations give the same bits: every output is one chain of fused
 * multiply-adds in a fixed order, and a vector only holds several outputs side by side. {@link ScalarKernels} is the
 * reference.
 *
 * <p>Offsets into segments are in bytes, numbers are float32.
 */
interface Kernels {
    /** Outputs of a unit of work: two panels. */
    int PAIR = 2 * CpuMatrix.PANEL;

    /** Such as {@code Vector API 512 bit}. */
    String name();

    /** How these kernels want 8-bit weights. */
    CpuMatrix.Type eightBits();

    /** How these kernels want 4-bit weights. */
    CpuMatrix.Type fourBits();

    /** A worker's scratch memory, which only its maker looks into. */
    interface Scratch {
        /** Makes room for products of a matrix. */
        void reserve(CpuMatrix matrix);
    }

    Scratch newScratch(Arena arena);

    /** Makes room for a product's input in the form that {@link #multiply} reads; called before the workers prepare it. */
    void makeRoom(CpuProduct product);

    /** Rows that {@link #prepare} is best called for at once. */
    int preparedTogether();

    /**
     * Brings rows {@code first} to {@code last - 1} of a product's input into the form that {@link #multiply} reads.
     * {@code first} is a multiple of {@link #preparedTogether}.
     */
    void prepare(CpuProduct product, int first, int last);

    /** All rows of a product, for panels {@code 2 * firstPair} to {@code 2 * lastPair - 1}. */
    void multiply(CpuProduct product, int firstPair, int lastPair, Scratch scratch);

    /**
     * {@code groups} times {@code n} numbers, each group by itself: out = (x − mean) / sqrt(variance + epsilon) · weight +
     * bias. {@code out} may be {@code in}.
     */
    void normalise(MemorySegment in, long from, MemorySegment out, long to, int groups, int n, Norm norm);

    /** out = y + (previous − y) · amount, for {@code n} numbers; {@code out} may be {@code y}. */
    void shift(
            MemorySegment y,
            long at,
            MemorySegment previous,
            long before,
            MemorySegment amount,
            long amountAt,
            MemorySegment out,
            long to,
            int n);

    /** The recurrence of RWKV-4 for channels {@code channel} to {@code end - 1}; aa, bb, pp from {@code offset}. */
    void wkv4(MemorySegment state, long offset, CpuRkv t, int channel, int end, int first, int last, Scratch scratch);

    /**
     * One head's recurrence of RWKV-5 and RWKV-6 over rows {@code first} to {@code last - 1}; S [key][value] at
     * {@code offset}.
     */
    void wkv6(MemorySegment state, long offset, int head, int headSize, CpuRkv t, int first, int last, Scratch scratch);

    /** The removal key and the modified key of RWKV-7, for one row. */
    void keys7(CpuWkv7 t, CpuBuffer k_k, CpuBuffer k_a, int headSize, int row);

    /** One head's recurrence of RWKV-7, as {@link #wkv6}. */
    void wkv7(
            MemorySegment state, long offset, int head, int headSize, CpuWkv7 t, int first, int last, Scratch scratch);

    /** Bonus and gate of RWKV-7 after the head norm, for one row of {@code o}. */
    void bonus7(CpuBuffer o, CpuWkv7 t, CpuBuffer r_k, CpuBuffer g, int headSize, int row);
}
