package io.github.rwkv4j.engine.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Rkv;
import io.github.rwkv4j.engine.compute.Wkv7;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each implementation of the kernels bit for bit against the scalar one, and against arithmetic in double precision. The
 * build runs this with vectors of 512, 256 and 128 bits, and with the native kernels for AVX-512 and for AVX2.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("io.github.rwkv4j.engine.compute.cpu.KernelChoice#available")
class KernelsTest {
    private final Arena arena = Arena.ofShared();
    private final WorkerPool pool = new WorkerPool(2);
    private final Kernels kernels;
    private final ScalarKernels scalar = new ScalarKernels();
    private final SplittableRandom random = new SplittableRandom(42);

    KernelsTest(KernelChoice choice) {
        this.kernels = choice.kernels();
    }

    @AfterEach
    void close() {
        pool.close();
        arena.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1,1,1",
        "16,32,1",
        "33,31,1",
        "32,33,2",
        "47,64,3",
        "64,100,4",
        "65,257,5",
        "31,1024,6",
        "16,32,7",
        "33,31,13",
        "47,64,12",
        "70,512,33",
        "40,96,64"
    })
    void products(int rows, int columns, int inputs) {
        for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            Tensor weights = tensor(dtype, rows, columns);
            sameProducts(weights, type(dtype), type(dtype), inputs);
        }
        sameProducts(tensor(DType.F16, rows, columns), kernels.eightBits(), scalar.eightBits(), inputs);
        sameProducts(tensor(DType.F16, rows, columns), kernels.fourBits(), scalar.fourBits(), inputs);
    }

    /** All rows at once and each by itself, against the scalar kernels and against double precision. */
    private void sameProducts(Tensor weights, CpuMatrix.Type type, CpuMatrix.Type reference, int inputs) {
        CpuMatrix matrix = CpuMatrix.pack(weights, false, type, arena, pool);
        CpuMatrix packedForScalar = CpuMatrix.pack(weights, false, reference, arena, pool);
        CpuBuffer in = input(inputs, matrix.columns());
        CpuBuffer expected = product(scalar, packedForScalar, in, inputs);
        CpuBuffer together = product(kernels, matrix, in, inputs);
        for (int row = 0; row < inputs; row++) {
            CpuBuffer one = new CpuBuffer(arena, 1, in.width());
            MemorySegment.copy(in.data(), in.offset(row), one.data(), 0, 4L * in.width());
            CpuBuffer alone = product(kernels, matrix, one, 1);
            for (int i = 0; i < matrix.rows(); i++) {
                assertThat(together.get(row, i))
                        .as("%s %dx%d", type, matrix.rows(), matrix.columns())
                        .isEqualTo(expected.get(row, i))
                        .isEqualTo(alone.get(0, i));
                double exact = exact(packedForScalar, in, row, i);
                assertThat((double) together.get(row, i)).isCloseTo(exact, within(1e-4 * Math.sqrt(matrix.columns())));
            }
        }
    }

    private CpuBuffer product(Kernels on, CpuMatrix matrix, CpuBuffer in, int rows) {
        return product(on, matrix, in, null, Epilogue.NONE, new CpuBuffer(arena, rows, matrix.rows()));
    }

    private CpuBuffer product(
            Kernels on, CpuMatrix matrix, CpuBuffer in, @Nullable CpuBuffer bias, Epilogue epilogue, CpuBuffer out) {
        CpuProduct product = new CpuProduct();
        product.matrix = matrix;
        product.in = in;
        product.bias = bias;
        product.epilogue = epilogue;
        product.out = out;
        product.rows = in.rows();
        Kernels.Scratch scratch = on.newScratch(arena);
        scratch.reserve(matrix);
        on.makeRoom(product);
        for (int row = 0; row < in.rows(); row += on.preparedTogether()) {
            on.prepare(product, row, Math.min(in.rows(), row + on.preparedTogether()));
        }
        int middle = matrix.pairs() / 2;
        on.multiply(product, middle, matrix.pairs(), scratch);
        on.multiply(product, 0, middle, scratch);
        return out;
    }

    /** What a product with the unit matrix gives back is the input, rounded to the 8 bits of its block. */
    @ParameterizedTest
    @ValueSource(ints = {1, 31, 32, 33, 64, 100, 1000})
    void quantisesBlocks(int width) {
        CpuMatrix unit = CpuMatrix.pack(unit(width), false, kernels.eightBits(), arena, pool);
        CpuBuffer in = input(3, width);
        in.set(1, 0, 0f);
        CpuBuffer out = product(kernels, unit, in, 3);
        for (int row = 0; row < 3; row++) {
            for (int i = 0; i < width; i++) {
                float largest = 0;
                for (int k = i / 32 * 32; k < Math.min(width, i / 32 * 32 + 32); k++) {
                    largest = Math.max(largest, Math.abs(in.get(row, k)));
                }
                assertThat(out.get(row, i)).isCloseTo(in.get(row, i), within(largest * (0.5001f / 127 + 1e-3f)));
            }
        }
    }

    @Test
    void aBlockOfTinyNumbersBecomesZero() {
        CpuMatrix unit = CpuMatrix.pack(unit(32), false, kernels.eightBits(), arena, pool);
        CpuBuffer in = new CpuBuffer(arena, 1, 32);
        for (int i = 0; i < 32; i++) {
            in.set(0, i, 1e-38f);
        }
        CpuBuffer out = product(kernels, unit, in, 1);
        for (int i = 0; i < 32; i++) {
            assertThat(out.get(0, i)).isZero();
        }
    }

    private Tensor unit(int width) {
        MemorySegment data = arena.allocate(4L * width * width, 64);
        for (int i = 0; i < width; i++) {
            data.setAtIndex(ValueLayout.JAVA_FLOAT, (long) i * width + i, 1);
        }
        return new Tensor("unit", DType.F32, new long[] {width, width}, data);
    }

    @ParameterizedTest
    @EnumSource(Epilogue.class)
    void storesThroughEveryEpilogue(Epilogue epilogue) {
        int width = 64;
        MemorySegment column = arena.allocate(4L * width, 64);
        for (int i = 0; i < width; i++) {
            float z = (float) (random.nextDouble() * 40 - 20) * (i % 7 == 0 ? 10 : 1);
            column.setAtIndex(ValueLayout.JAVA_FLOAT, i, z);
        }
        column.setAtIndex(ValueLayout.JAVA_FLOAT, 5, 0);
        column.setAtIndex(ValueLayout.JAVA_FLOAT, 6, -0.0f);
        column.setAtIndex(ValueLayout.JAVA_FLOAT, 7, 1e15f);
        column.setAtIndex(ValueLayout.JAVA_FLOAT, 8, -1e15f);
        Tensor tensor = new Tensor("z", DType.F32, new long[] {width, 1}, column);
        CpuMatrix matrix = CpuMatrix.pack(tensor, false, CpuMatrix.Type.F32, arena, pool);
        CpuBuffer one = new CpuBuffer(arena, 1, 1);
        one.set(0, 0, 1);
        for (CpuBuffer bias : new CpuBuffer[] {null, input(1, width)}) {
            CpuBuffer before = input(1, width);
            CpuBuffer actual = product(kernels, matrix, one, bias, epilogue, copy(before));
            CpuBuffer expected = product(scalar, matrix, one, bias, epilogue, copy(before));
            for (int i = 0; i < width; i++) {
                float z = column.getAtIndex(ValueLayout.JAVA_FLOAT, i) + (bias == null ? 0 : bias.get(0, i));
                assertThat(actual.get(0, i)).isEqualTo(expected.get(0, i));
                double exact = exact(epilogue, z, before.get(0, i));
                assertThat((double) actual.get(0, i)).isCloseTo(exact, within(4e-7 * Math.max(1, Math.abs(exact))));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "1,7", "1,768", "1,1000", "3,64", "5,33", "2,8"})
    void normalises(int groups, int n) {
        CpuBuffer in = input(1, groups * n);
        Norm norm = new Norm(input(1, groups * n), input(1, groups * n), 1e-5f);
        CpuBuffer out = new CpuBuffer(arena, 1, groups * n);
        CpuBuffer expected = new CpuBuffer(arena, 1, groups * n);
        kernels.normalise(in.data(), 0, out.data(), 0, groups, n, norm);
        scalar.normalise(in.data(), 0, expected.data(), 0, groups, n, norm);
        assertSameRows(out, expected);
        for (int group = 0; group < groups; group++) {
            double mean = 0;
            double variance = 0;
            for (int i = 0; i < n; i++) {
                mean += in.get(0, group * n + i) / (double) n;
            }
            for (int i = 0; i < n; i++) {
                variance += Math.pow(in.get(0, group * n + i) - mean, 2) / n;
            }
            for (int i = group * n; i < (group + 1) * n; i++) {
                double x = (in.get(0, i) - mean) / Math.sqrt(variance + 1e-5f);
                double exact = x * ((CpuBuffer) norm.weight()).get(0, i) + ((CpuBuffer) norm.bias()).get(0, i);
                assertThat((double) out.get(0, i)).isCloseTo(exact, within(1e-5));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 64, 1000})
    void shifts(int n) {
        CpuBuffer y = input(1, n);
        CpuBuffer previous = input(1, n);
        CpuBuffer amount = input(1, n);
        CpuBuffer out = new CpuBuffer(arena, 1, n);
        kernels.shift(y.data(), 0, previous.data(), 0, amount.data(), 0, out.data(), 0, n);
        for (int i = 0; i < n; i++) {
            float expected = y.get(0, i) + (previous.get(0, i) - y.get(0, i)) * amount.get(0, i);
            assertThat(out.get(0, i)).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,64", "3,8", "2,33", "5,1"})
    void keysAndBonusOfRwkv7(int heads, int headSize) {
        int width = heads * headSize;
        CpuBuffer k_k = input(1, width);
        CpuBuffer k_a = input(1, width);
        CpuBuffer r_k = input(1, width);
        CpuBuffer g = input(2, width);
        CpuBuffer o = input(2, width);
        CpuBuffer expectedO = copy(o);
        CpuBuffer[] in = new CpuBuffer[6];
        Arrays.setAll(in, _ -> input(2, width));
        CpuWkv7 t = new CpuWkv7().set(new Wkv7(in[0], in[1], in[2], in[3], in[4], in[5]));
        CpuWkv7 expected = new CpuWkv7().set(new Wkv7(in[0], in[1], copy(in[2]), in[3], in[4], copy(in[5])));
        kernels.keys7(t, k_k, k_a, headSize, 1);
        scalar.keys7(expected, k_k, k_a, headSize, 1);
        assertSameRows(t.k, expected.k);
        assertSameRows(t.kk, expected.kk);
        for (int head = 0; head < heads; head++) {
            double square = 0;
            for (int i = head * headSize; i < (head + 1) * headSize; i++) {
                square += Math.pow(t.kk.get(1, i), 2);
            }
            assertThat(square).isCloseTo(1, within(1e-5));
        }
        kernels.bonus7(o, t, r_k, g, headSize, 1);
        scalar.bonus7(expectedO, expected, r_k, g, headSize, 1);
        assertSameRows(o, expectedO);
    }

    private static double exact(Epilogue epilogue, double z, double old) {
        double sigmoid = 1 / (1 + Math.exp(-z));
        return switch (epilogue) {
            case NONE -> z;
            case SIGMOID -> sigmoid;
            case TANH -> Math.tanh(z);
            case RELU_SQUARED -> Math.max(z, 0) * Math.max(z, 0);
            case SILU -> z * sigmoid;
            case MISH -> z * Math.tanh(z > 30 ? z : Math.log1p(Math.exp(z)));
            case DECAY6 -> Math.exp(-Math.exp(z));
            case DECAY7 -> Math.exp(-Math.exp(-0.5) * sigmoid);
            case ADD -> old + z;
            case MULTIPLY -> old * z;
        };
    }

    @ParameterizedTest
    @CsvSource({"1,64,9", "3,8,5", "2,16,4", "2,24,3", "1,33,4", "2,128,2"})
    void theRecurrenceOfRwkv7(int heads, int headSize, int rows) {
        int width = heads * headSize;
        MemorySegment state = arena.allocate(4L * heads * headSize * headSize, 64);
        for (long i = 0; i < state.byteSize(); i += 4) {
            state.set(ValueLayout.JAVA_FLOAT, i, uniform());
        }
        MemorySegment expectedState = arena.allocate(state.byteSize(), 64).copyFrom(state);
        CpuBuffer[] in = new CpuBuffer[6];
        for (int i = 0; i < in.length; i++) {
            in[i] = input(rows, width);
        }
        CpuBuffer out = new CpuBuffer(arena, rows, width);
        CpuBuffer expected = new CpuBuffer(arena, rows, width);
        Wkv7 t = new Wkv7(in[0], in[1], in[2], in[3], in[4], in[5]);
        CpuWkv7 operands = new CpuWkv7().set(t);
        operands.out = out;
        CpuWkv7 ofScalar = new CpuWkv7().set(t);
        ofScalar.out = expected;
        for (int head = 0; head < heads; head++) {
            long offset = 4L * head * headSize * headSize;
            kernels.wkv7(state, offset, head, headSize, operands, 0, rows, kernels.newScratch(arena));
            scalar.wkv7(expectedState, offset, head, headSize, ofScalar, 0, rows, scalar.newScratch(arena));
        }
        assertThat(state.mismatch(expectedState)).isEqualTo(-1);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < width; i++) {
                assertThat(out.get(row, i)).isEqualTo(expected.get(row, i));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"64,9", "8,5", "1,3", "33,4", "100,1", "130,7"})
    void theRecurrenceOfRwkv4(int width, int rows) {
        MemorySegment state = randomState(3 * width);
        MemorySegment expectedState = arena.allocate(state.byteSize(), 64).copyFrom(state);
        Rkv t = new Rkv(input(rows, width), scaled(input(rows, width), 30), input(rows, width));
        CpuBuffer decay = input(1, width);
        CpuBuffer bonus = input(1, width);
        CpuRkv operands = operands(t, decay, bonus, rows, width);
        CpuRkv expected = operands(t, decay, bonus, rows, width);
        int middle = width / 3;
        kernels.wkv4(state, 0, operands, 0, middle, 0, rows, kernels.newScratch(arena));
        kernels.wkv4(state, 0, operands, middle, width, 0, rows, kernels.newScratch(arena));
        scalar.wkv4(expectedState, 0, expected, 0, width, 0, rows, scalar.newScratch(arena));
        assertThat(state.mismatch(expectedState)).isEqualTo(-1);
        assertSameRows(operands.out, expected.out);
    }

    /** Against the weighted mean that it stands for, in double precision: Σ e^k v / Σ e^k over the past, decayed. */
    @Test
    void theRecurrenceOfRwkv4IsAWeightedMean() {
        int rows = 40;
        MemorySegment state = arena.allocate(3 * 4L, 64);
        state.set(ValueLayout.JAVA_FLOAT, 8, -1e30f);
        Rkv t = new Rkv(input(rows, 1), scaled(input(rows, 1), 40), input(rows, 1));
        CpuBuffer decay = input(1, 1);
        decay.set(0, 0, -0.3f);
        CpuBuffer bonus = input(1, 1);
        CpuRkv operands = operands(t, decay, bonus, rows, 1);
        kernels.wkv4(state, 0, operands, 0, 1, 0, rows, kernels.newScratch(arena));
        for (int row = 0; row < rows; row++) {
            double now = Math.exp(operands.k.get(row, 0) + (double) bonus.get(0, 0));
            double above = now * operands.v.get(row, 0);
            double below = now;
            for (int u = 0; u < row; u++) {
                double weight = Math.exp(operands.k.get(u, 0) - (double) 0.3f * (row - 1 - u));
                above += weight * operands.v.get(u, 0);
                below += weight;
            }
            assertThat((double) operands.out.get(row, 0))
                    .isCloseTo(operands.r.get(row, 0) * above / below, within(2e-6));
        }
    }

    @ParameterizedTest
    @CsvSource({"1,64,9", "3,8,5", "2,16,4", "2,24,3", "1,33,4", "2,128,2", "5,1,3"})
    void theRecurrenceOfRwkv6(int heads, int headSize, int rows) {
        int width = heads * headSize;
        Rkv t = new Rkv(input(rows, width), input(rows, width), input(rows, width));
        CpuBuffer bonus = input(1, width);
        for (CpuBuffer decay : new CpuBuffer[] {input(rows, width), input(1, width)}) {
            MemorySegment state = randomState(heads * headSize * headSize);
            MemorySegment expectedState = arena.allocate(state.byteSize(), 64).copyFrom(state);
            CpuRkv operands = operands(t, decay, bonus, rows, width);
            CpuRkv expected = operands(t, decay, bonus, rows, width);
            for (int head = 0; head < heads; head++) {
                long offset = 4L * head * headSize * headSize;
                kernels.wkv6(state, offset, head, headSize, operands, 0, rows, kernels.newScratch(arena));
                scalar.wkv6(expectedState, offset, head, headSize, expected, 0, rows, scalar.newScratch(arena));
            }
            assertThat(state.mismatch(expectedState)).isEqualTo(-1);
            assertSameRows(operands.out, expected.out);
        }
    }

    /** Against the formula, in double precision. */
    @Test
    void theRecurrenceOfRwkv6IsItsFormula() {
        int size = 17;
        MemorySegment state = randomState(size * size);
        double[][] s = new double[size][size];
        for (int i = 0; i < size; i++) {
            for (int j = 0; j < size; j++) {
                s[i][j] = state.get(ValueLayout.JAVA_FLOAT, 4L * (i * size + j));
            }
        }
        Rkv t = new Rkv(input(6, size), input(6, size), input(6, size));
        CpuRkv operands = operands(t, input(6, size), input(1, size), 6, size);
        kernels.wkv6(state, 0, 0, size, operands, 0, 6, kernels.newScratch(arena));
        for (int row = 0; row < 6; row++) {
            for (int j = 0; j < size; j++) {
                double out = 0;
                for (int i = 0; i < size; i++) {
                    double kv = operands.k.get(row, i) * (double) operands.v.get(row, j);
                    out += operands.r.get(row, i) * (s[i][j] + operands.bonus.get(0, i) * kv);
                    s[i][j] = operands.decay.get(row, i) * s[i][j] + kv;
                }
                assertThat((double) operands.out.get(row, j)).isCloseTo(out, within(1e-5));
            }
        }
    }

    private MemorySegment randomState(int numbers) {
        MemorySegment state = arena.allocate(4L * numbers, 64);
        for (long i = 0; i < state.byteSize(); i += 4) {
            state.set(ValueLayout.JAVA_FLOAT, i, uniform());
        }
        return state;
    }

    private CpuRkv operands(Rkv t, CpuBuffer decay, CpuBuffer bonus, int rows, int width) {
        CpuRkv operands = new CpuRkv().set(t, new CpuBuffer(arena, rows, width));
        operands.decayingBy(decay, bonus);
        return operands;
    }

    private static CpuBuffer scaled(CpuBuffer buffer, float factor) {
        for (int row = 0; row < buffer.rows(); row++) {
            for (int i = 0; i < buffer.width(); i++) {
                buffer.set(row, i, buffer.get(row, i) * factor);
            }
        }
        return buffer;
    }

    private static void assertSameRows(CpuBuffer actual, CpuBuffer expected) {
        for (int row = 0; row < expected.rows(); row++) {
            for (int i = 0; i < expected.width(); i++) {
                assertThat(actual.get(row, i)).isEqualTo(expected.get(row, i));
            }
        }
    }

    private double exact(CpuMatrix matrix, CpuBuffer in, int inRow, int row) {
        double sum = 0;
        for (int k = 0; k < matrix.columns(); k++) {
            int panel = row / CpuMatrix.PANEL;
            int lane = row % CpuMatrix.PANEL;
            double weight = matrix.weight(panel, k, lane);
            if (matrix.type().quantised()) {
                int block = inRow * in.stride() / CpuBuffer.BLOCK + k / CpuBuffer.BLOCK;
                double x = in.quants()[inRow * in.stride() + k] * (double) in.scales()[block];
                sum += weight * matrix.scale(panel, k / CpuBuffer.BLOCK, lane) * x;
            } else {
                sum += weight * in.get(inRow, k);
            }
        }
        return sum;
    }

    private static CpuMatrix.Type type(DType dtype) {
        return switch (dtype) {
            case F32 -> CpuMatrix.Type.F32;
            case F16 -> CpuMatrix.Type.F16;
            default -> CpuMatrix.Type.BF16;
        };
    }

    private Tensor tensor(DType dtype, int rows, int columns) {
        MemorySegment data = arena.allocate((long) rows * columns * dtype.bytes(), 64);
        for (int i = 0; i < rows * columns; i++) {
            float value = i % 11 == 0 ? uniform() * 1e-6f : uniform();
            switch (dtype) {
                case F32 -> data.set(ValueLayout.JAVA_FLOAT, 4L * i, value);
                case F16 -> data.set(ValueLayout.JAVA_SHORT, 2L * i, Float.floatToFloat16(value));
                default -> data.set(ValueLayout.JAVA_SHORT, 2L * i, (short) (Float.floatToIntBits(value) >> 16));
            }
        }
        return new Tensor("w", dtype, new long[] {rows, columns}, data);
    }

    /** Rows of random numbers, quantised by the scalar kernels. */
    private CpuBuffer input(int rows, int width) {
        CpuBuffer buffer = new CpuBuffer(arena, rows, width);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < width; i++) {
                buffer.set(row, i, uniform());
            }
            scalar.quantize(buffer, row);
        }
        return buffer;
    }

    private CpuBuffer copy(CpuBuffer source) {
        CpuBuffer copy = new CpuBuffer(arena, source.rows(), source.width());
        copy.data().copyFrom(source.data());
        return copy;
    }

    private float uniform() {
        return (float) (random.nextDouble() * 2 - 1);
    }
}
