package io.github.rwkv4j.engine.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Rkv;
import io.github.rwkv4j.engine.compute.Wkv7;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The kernels that this JVM runs on, bit for bit against the scalar ones, and the scalar ones against arithmetic in
 * double precision. The build runs this with vectors of 512, 256 and 128 bits and without the Vector API, where both
 * sides are the same and only the comparison with double precision says something.
 */
class KernelsTest {
    private final Arena arena = Arena.ofShared();
    private final WorkerPool pool = new WorkerPool(2);
    private final Kernels kernels = KernelLookup.best();
    private final Kernels scalar = new ScalarKernels();
    private final SplittableRandom random = new SplittableRandom(42);

    @AfterEach
    void close() {
        pool.close();
        arena.close();
    }

    @ParameterizedTest
    @CsvSource({"1,1", "16,32", "33,31", "32,33", "47,64", "64,100", "65,257", "31,1024"})
    void oneRowTimesTwoPanels(int rows, int columns) {
        for (CpuMatrix.Type type : CpuMatrix.Type.values()) {
            CpuMatrix matrix = matrix(type, rows, columns);
            CpuBuffer in = input(1, columns);
            float[] tile = new float[Kernels.TILE_ROWS * Kernels.TILE_COLUMNS];
            float[] expected = tile.clone();
            for (int panel = 0; panel < matrix.panels(); panel += 2) {
                kernels.multiplyRow(matrix, panel, in, 0, tile);
                scalar.multiplyRow(matrix, panel, in, 0, expected);
                assertThat(tile).as("%s %dx%d", type, rows, columns).isEqualTo(expected);
                for (int i = 0; i < Kernels.TILE_COLUMNS && panel * CpuMatrix.PANEL + i < rows; i++) {
                    double exact = exact(matrix, in, 0, panel * CpuMatrix.PANEL + i);
                    assertThat((double) tile[i]).isCloseTo(exact, within(1e-4 * Math.sqrt(columns)));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"16,32,6", "33,31,1", "32,33,5", "47,64,7", "64,100,13", "65,257,6"})
    void tilesOfRowsEqualSingleRows(int rows, int columns, int inputs) {
        for (CpuMatrix.Type type : CpuMatrix.Type.values()) {
            CpuMatrix matrix = matrix(type, rows, columns);
            CpuBuffer in = input(inputs, columns);
            boolean quantised = type == CpuMatrix.Type.Q8;
            float[] single = new float[Kernels.TILE_ROWS * Kernels.TILE_COLUMNS];
            float[] tile = single.clone();
            float[] expected = single.clone();
            float[] widened = new float[matrix.widenedSize()];
            float[] widenedByScalar = widened.clone();
            for (int panel = 0; panel < matrix.panels(); panel += 2) {
                kernels.widen(matrix, panel, widened);
                scalar.widen(matrix, panel, widenedByScalar);
                assertThat(widened).isEqualTo(widenedByScalar);
                for (int row = 0; row < inputs; row += Kernels.TILE_ROWS) {
                    int last = Math.min(inputs, row + Kernels.TILE_ROWS);
                    in.pack(quantised, row, last);
                    int from = row / Kernels.TILE_ROWS * in.packedTile(quantised);
                    kernels.multiplyTile(matrix, widened, in.packed(quantised), from, tile);
                    scalar.multiplyTile(matrix, widened, in.packed(quantised), from, expected);
                    assertThat(tile).as("%s %dx%d", type, rows, columns).isEqualTo(expected);
                    for (int i = row; i < last; i++) {
                        kernels.multiplyRow(matrix, panel, in, i, single);
                        for (int column = 0; column < Kernels.TILE_COLUMNS; column++) {
                            float ofTile = tile[(i - row) * Kernels.TILE_COLUMNS + column];
                            assertThat(ofTile).isEqualTo(single[column]);
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 31, 32, 33, 64, 100, 1000})
    void quantisesBlocks(int width) {
        CpuBuffer first = input(3, width);
        CpuBuffer second = copy(first);
        first.set(1, 0, 0f);
        second.set(1, 0, 0f);
        for (int row = 0; row < 3; row++) {
            kernels.quantize(first, row);
            scalar.quantize(second, row);
        }
        assertThat(first.quants()).isEqualTo(second.quants());
        assertThat(first.scales()).isEqualTo(second.scales());
        for (int i = 0; i < width; i++) {
            float scale = first.scales()[i / CpuBuffer.BLOCK];
            assertThat(first.quants()[i] * scale).isCloseTo(first.get(0, i), within(0.5001f * scale));
        }
    }

    @Test
    void aBlockOfTinyNumbersBecomesZero() {
        CpuBuffer buffer = new CpuBuffer(arena, 1, 32);
        for (int i = 0; i < 32; i++) {
            buffer.set(0, i, 1e-38f);
        }
        kernels.quantize(buffer, 0);
        assertThat(buffer.quants()).containsOnly(0f);
    }

    @ParameterizedTest
    @EnumSource(Epilogue.class)
    void storesThroughEveryEpilogue(Epilogue epilogue) {
        float[] tile = new float[Kernels.TILE_ROWS * Kernels.TILE_COLUMNS];
        for (int i = 0; i < tile.length; i++) {
            tile[i] = (float) (random.nextDouble() * 40 - 20) * (i % 7 == 0 ? 10 : 1);
        }
        tile[5] = 0;
        tile[6] = -0.0f;
        tile[7] = 1e15f;
        tile[8] = -1e15f;
        CpuBuffer out = input(2, 64);
        CpuBuffer before = copy(out);
        CpuBuffer expected = copy(out);
        for (CpuBuffer bias : new CpuBuffer[] {null, input(1, 64)}) {
            kernels.store(tile, 0, bias, epilogue, out, 1, 32);
            scalar.store(tile, 0, bias, epilogue, expected, 1, 32);
            for (int i = 0; i < 32; i++) {
                float z = tile[i] + (bias == null ? 0 : bias.get(0, 32 + i));
                assertThat(out.get(1, 32 + i)).isEqualTo(expected.get(1, 32 + i));
                double exact = exact(epilogue, z, before.get(1, 32 + i));
                assertThat((double) out.get(1, 32 + i)).isCloseTo(exact, within(4e-7 * Math.max(1, Math.abs(exact))));
            }
            before = copy(out);
        }
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
        for (int head = 0; head < heads; head++) {
            long offset = 4L * head * headSize * headSize;
            kernels.wkv7(state, offset, headSize, new CpuWkv7(headSize).set(t, out), head * headSize, 0, rows);
            scalar.wkv7(
                    expectedState, offset, headSize, new CpuWkv7(headSize).set(t, expected), head * headSize, 0, rows);
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
        kernels.wkv4(state, 0, operands, 0, middle, 0, rows);
        kernels.wkv4(state, 0, operands, middle, width, 0, rows);
        scalar.wkv4(expectedState, 0, expected, 0, width, 0, rows);
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
        kernels.wkv4(state, 0, operands, 0, 1, 0, rows);
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
                kernels.wkv6(state, offset, head, headSize, operands, 0, rows);
                scalar.wkv6(expectedState, offset, head, headSize, expected, 0, rows);
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
        kernels.wkv6(state, 0, 0, size, operands, 0, 6);
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
            if (matrix.type() == CpuMatrix.Type.Q8) {
                int block = inRow * in.stride() / CpuBuffer.BLOCK + k / CpuBuffer.BLOCK;
                double x = in.quants()[inRow * in.stride() + k] * (double) in.scales()[block];
                sum += weight * matrix.scale(panel, k / CpuBuffer.BLOCK, lane) * x;
            } else {
                sum += weight * in.get(inRow, k);
            }
        }
        return sum;
    }

    private CpuMatrix matrix(CpuMatrix.Type type, int rows, int columns) {
        DType dtype =
                switch (type) {
                    case F32 -> DType.F32;
                    case F16, Q8 -> DType.F16;
                    case BF16 -> DType.BF16;
                };
        MemorySegment data = arena.allocate((long) rows * columns * dtype.bytes(), 64);
        for (int i = 0; i < rows * columns; i++) {
            float value = i % 11 == 0 ? uniform() * 1e-6f : uniform();
            switch (dtype) {
                case F32 -> data.set(ValueLayout.JAVA_FLOAT, 4L * i, value);
                case F16 -> data.set(ValueLayout.JAVA_SHORT, 2L * i, Float.floatToFloat16(value));
                default -> data.set(ValueLayout.JAVA_SHORT, 2L * i, (short) (Float.floatToIntBits(value) >> 16));
            }
        }
        Tensor tensor = new Tensor("w", dtype, new long[] {rows, columns}, data);
        return CpuMatrix.pack(tensor, false, type, arena, pool);
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
