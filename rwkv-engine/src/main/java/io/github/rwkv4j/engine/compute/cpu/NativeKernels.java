package io.github.rwkv4j.engine.compute.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Norm;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Kernels in C ({@code src/main/c/kernels.c}), called through the foreign function API: ordinary calls, which don't hold
 * up garbage collection, with plain addresses, so that nothing is allocated and no arena's counter is touched. What the
 * addresses point to lives as long as the device.
 */
final class NativeKernels implements Kernels {
    private static final NativeLibrary LIBRARY = library();

    // In static finals, which the JVM compiles to direct calls.
    private static final MethodHandle MULTIPLY = find("multiply", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle QUANTIZE = find("quantize", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle NORMALISE =
            find("normalise", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_FLOAT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle SHIFT = find("shift", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle WKV4 = find("wkv4", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle WKV6 = find("wkv6", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle WKV7 = find("wkv7", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle KEYS7 =
            find("keys7", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT);
    private static final MethodHandle BONUS7 =
            find("bonus7", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT);

    /** Bytes that hold any of the structures in {@code kernels.h}. */
    private static final int STRUCTURE = 128;

    private static NativeLibrary library() {
        try {
            return NativeLibrary.get();
        } catch (NativeLibrary.UnavailableException e) {
            throw new IllegalStateException("No native kernels: " + e.getMessage(), e);
        }
    }

    private static MethodHandle find(String name, MemoryLayout... arguments) {
        return LIBRARY.function(name, FunctionDescriptor.ofVoid(arguments));
    }

    private static final class NativeScratch implements Scratch {
        private final Arena arena;
        private final MemorySegment structure;
        private MemorySegment widened = MemorySegment.NULL;

        NativeScratch(Arena arena) {
            this.arena = arena;
            this.structure = arena.allocate(STRUCTURE, 64);
        }

        /** Two panels in float32. */
        @Override
        public void reserve(CpuMatrix matrix) {
            long bytes = 4L * matrix.widenedPanel() * 2;
            if (!matrix.type().quantised() && widened.byteSize() < bytes) {
                widened = arena.allocate(bytes, 64);
            }
        }
    }

    @Override
    public String name() {
        return "native kernels (" + LIBRARY.instructionSet() + ")";
    }

    @Override
    public CpuMatrix.Type eightBits() {
        return CpuMatrix.Type.Q8_BY_FOUR;
    }

    @Override
    public CpuMatrix.Type fourBits() {
        return CpuMatrix.Type.Q4_BY_FOUR;
    }

    @Override
    public Scratch newScratch(Arena arena) {
        return new NativeScratch(arena);
    }

    @Override
    public void makeRoom(CpuProduct product) {
        if (product.quantised()) {
            product.in.eightBits();
        }
    }

    @Override
    public int preparedTogether() {
        return 8;
    }

    @Override
    public void prepare(CpuProduct product, int first, int last) {
        if (!product.quantised()) {
            return;
        }
        CpuBuffer in = product.in;
        int blocks = in.stride() / CpuBuffer.BLOCK;
        try {
            for (int row = first; row < last; row++) {
                QUANTIZE.invokeExact(
                        in.address(row),
                        in.eightBits().address() + (long) row * in.stride(),
                        scales(in) + 4L * row * blocks,
                        offsets(in) + 4L * row * blocks,
                        in.width());
            }
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private static long scales(CpuBuffer in) {
        return in.eightBits().address() + (long) in.rows() * in.stride();
    }

    private static long offsets(CpuBuffer in) {
        return scales(in) + 4L * in.rows() * in.stride() / CpuBuffer.BLOCK;
    }

    @Override
    public void multiply(CpuProduct product, int firstPair, int lastPair, Scratch scratch) {
        NativeScratch own = (NativeScratch) scratch;
        CpuMatrix matrix = product.matrix;
        CpuBuffer in = product.in;
        CpuBuffer out = product.out;
        MemorySegment s = own.structure;
        // struct product
        s.set(JAVA_LONG, 0, matrix.data().address());
        s.set(JAVA_LONG, 8, matrix.panelBytes());
        s.set(JAVA_LONG, 16, in.address(0));
        s.set(JAVA_LONG, 24, in.stride());
        if (product.quantised()) {
            s.set(JAVA_LONG, 32, in.eightBits().address());
            s.set(JAVA_LONG, 40, scales(in));
            s.set(JAVA_LONG, 48, offsets(in));
        }
        s.set(JAVA_LONG, 56, product.bias == null ? 0 : product.bias.address(0));
        s.set(JAVA_LONG, 64, out.address(0));
        s.set(JAVA_LONG, 72, out.stride());
        s.set(JAVA_INT, 80, type(matrix));
        s.set(JAVA_INT, 84, matrix.columns());
        s.set(JAVA_INT, 88, matrix.blocks());
        s.set(JAVA_INT, 92, product.rows);
        s.set(JAVA_INT, 96, product.epilogue.ordinal());
        try {
            MULTIPLY.invokeExact(s.address(), 2 * firstPair, 2 * lastPair, own.widened.address());
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private static int type(CpuMatrix matrix) {
        return switch (matrix.type()) {
            case F32 -> 0;
            case F16 -> 1;
            case BF16 -> 2;
            case Q8_BY_FOUR -> 3;
            case Q4_BY_FOUR -> 4;
            case Q8, Q4 -> throw new IllegalArgumentException(matrix.type() + " is not packed for these kernels");
        };
    }

    @Override
    public void normalise(MemorySegment in, long from, MemorySegment out, long to, int groups, int n, Norm norm) {
        try {
            NORMALISE.invokeExact(
                    in.address() + from,
                    out.address() + to,
                    groups,
                    n,
                    norm.epsilon(),
                    address(norm.weight()),
                    address(norm.bias()));
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    @Override
    public void shift(
            MemorySegment y,
            long at,
            MemorySegment previous,
            long before,
            MemorySegment amount,
            long amountAt,
            MemorySegment out,
            long to,
            int n) {
        try {
            SHIFT.invokeExact(
                    y.address() + at, previous.address() + before, amount.address() + amountAt, out.address() + to, n);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    @Override
    public void wkv4(
            MemorySegment state, long offset, CpuRkv t, int channel, int end, int first, int last, Scratch scratch) {
        long operands = operands(t, 0, scratch);
        try {
            WKV4.invokeExact(operands, state.address() + offset, channel, end, first, last);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    @Override
    public void wkv6(
            MemorySegment state, long offset, int head, int headSize, CpuRkv t, int first, int last, Scratch scratch) {
        long operands = operands(t, headSize, scratch);
        try {
            WKV6.invokeExact(operands, state.address() + offset, head * headSize, first, last);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** Fills struct rkv. */
    private static long operands(CpuRkv t, int headSize, Scratch scratch) {
        MemorySegment s = ((NativeScratch) scratch).structure;
        s.set(JAVA_LONG, 0, t.r.address(0));
        s.set(JAVA_LONG, 8, t.k.address(0));
        s.set(JAVA_LONG, 16, t.v.address(0));
        s.set(JAVA_LONG, 24, t.decay.address(0));
        s.set(JAVA_LONG, 32, t.bonus.address(0));
        s.set(JAVA_LONG, 40, t.out.address(0));
        s.set(JAVA_LONG, 48, t.out.stride());
        s.set(JAVA_LONG, 56, t.decayOffset(1) / 4);
        s.set(JAVA_INT, 64, headSize);
        s.set(JAVA_INT, 68, t.out.width());
        return s.address();
    }

    @Override
    public void keys7(CpuWkv7 t, CpuBuffer k_k, CpuBuffer k_a, int headSize, int row) {
        try {
            KEYS7.invokeExact(
                    t.k.address(row),
                    t.a.address(row),
                    t.kk.address(row),
                    k_k.address(0),
                    k_a.address(0),
                    t.k.width() / headSize,
                    headSize);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    @Override
    public void wkv7(
            MemorySegment state, long offset, int head, int headSize, CpuWkv7 t, int first, int last, Scratch scratch) {
        MemorySegment s = ((NativeScratch) scratch).structure;
        // struct wkv7
        s.set(JAVA_LONG, 0, t.r.address(0));
        s.set(JAVA_LONG, 8, t.w.address(0));
        s.set(JAVA_LONG, 16, t.k.address(0));
        s.set(JAVA_LONG, 24, t.v.address(0));
        s.set(JAVA_LONG, 32, t.a.address(0));
        s.set(JAVA_LONG, 40, t.kk.address(0));
        s.set(JAVA_LONG, 48, t.out.address(0));
        s.set(JAVA_LONG, 56, t.out.stride());
        s.set(JAVA_INT, 64, headSize);
        try {
            WKV7.invokeExact(s.address(), state.address() + offset, head * headSize, first, last);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    @Override
    public void bonus7(CpuBuffer o, CpuWkv7 t, CpuBuffer r_k, CpuBuffer g, int headSize, int row) {
        try {
            BONUS7.invokeExact(
                    o.address(row),
                    t.r.address(row),
                    t.k.address(row),
                    t.v.address(row),
                    g.address(row),
                    r_k.address(0),
                    o.width() / headSize,
                    headSize);
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private static long address(Buffer buffer) {
        return ((CpuBuffer) buffer).address(0);
    }

    private static IllegalStateException failed(Throwable e) {
        return new IllegalStateException("A native kernel could not be called", e);
    }
}
