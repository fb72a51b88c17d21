package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.BLOCK;
import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.PANEL;

import io.github.rwkv4j.engine.compute.Epilogue;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The reference: plain Java, one number at a time. */
final class ScalarKernels extends JavaKernels {
    /** exp(−1/2). */
    static final float DECAY_SCALE = 0.6065306597f;

    /** Adding and subtracting 1.5 · 2²³ rounds a float of magnitude below 2²² to the nearest even integer. */
    static final float ROUND = 12582912f;

    /** A block whose largest magnitude lies below this is taken as zero; its inverse would overflow. */
    static final float SMALLEST_BLOCK = 1e-30f;

    @Override
    public String name() {
        return "scalar Java";
    }

    @Override
    void multiplyRow(CpuMatrix matrix, int panel, CpuBuffer in, int row, float[] tile) {
        for (int p = 0; p < 2; p++) {
            if (matrix.type().quantised()) {
                multiplyIntegers(matrix, panel + p, in, row, tile, PANEL * p);
            } else {
                multiplyFloats(matrix, panel + p, in, row, tile, PANEL * p);
            }
        }
    }

    private static void multiplyFloats(CpuMatrix matrix, int panel, CpuBuffer in, int row, float[] tile, int target) {
        for (int lane = 0; lane < PANEL; lane++) {
            tile[target + lane] = 0;
        }
        for (int k = 0; k < matrix.columns(); k++) {
            float x = in.get(row, k);
            for (int lane = 0; lane < PANEL; lane++) {
                tile[target + lane] = Math.fma(matrix.weight(panel, k, lane), x, tile[target + lane]);
            }
        }
    }

    private static void multiplyIntegers(CpuMatrix matrix, int panel, CpuBuffer in, int row, float[] tile, int target) {
        float[] x = in.quants();
        float[] scales = in.scales();
        for (int lane = 0; lane < PANEL; lane++) {
            float sum = 0;
            for (int block = 0; block < matrix.blocks(); block++) {
                int xStart = row * in.stride() + block * BLOCK;
                int dot = 0;
                for (int k = 0; k < BLOCK; k++) {
                    dot += (int) matrix.weight(panel, block * BLOCK + k, lane) * (int) x[xStart + k];
                }
                float scale = matrix.scale(panel, block, lane) * scales[row * in.stride() / BLOCK + block];
                sum = Math.fma(dot, scale, sum);
            }
            tile[target + lane] = sum;
        }
    }

    @Override
    void widen(CpuMatrix matrix, int panel, float[] widened) {
        for (int p = 0; p < 2; p++) {
            for (int k = 0; k < matrix.blocks() * BLOCK; k++) {
                for (int lane = 0; lane < PANEL; lane++) {
                    widened[p * matrix.widenedPanel() + k * PANEL + lane] = matrix.weight(panel + p, k, lane);
                }
            }
            if (matrix.type().quantised()) {
                for (int i = 0; i < matrix.blocks() * PANEL; i++) {
                    widened[matrix.widenedScales(p) + i] = matrix.scale(panel + p, i / PANEL, i % PANEL);
                }
            }
        }
    }

    @Override
    void multiplyTile(CpuMatrix matrix, float[] widened, float[] x, int from, float[] tile) {
        boolean quantised = matrix.type().quantised();
        for (int row = 0; row < TILE_ROWS; row++) {
            for (int p = 0; p < 2; p++) {
                for (int lane = 0; lane < PANEL; lane++) {
                    float sum = quantised
                            ? dotIntegers(matrix, widened, p, lane, x, from + row)
                            : dot(widened, p * matrix.widenedPanel() + lane, x, from + row, 0, matrix.columns());
                    tile[row * TILE_COLUMNS + p * PANEL + lane] = sum;
                }
            }
        }
    }

    /** The chain of multiply-adds of one output for columns {@code first} to {@code last - 1}. */
    private static float dot(float[] widened, int w, float[] x, int from, int first, int last) {
        float sum = 0;
        for (int k = first; k < last; k++) {
            sum = Math.fma(widened[w + PANEL * k], x[from + TILE_ROWS * k], sum);
        }
        return sum;
    }

    private static float dotIntegers(CpuMatrix matrix, float[] widened, int panel, int lane, float[] x, int from) {
        float sum = 0;
        int w = panel * matrix.widenedPanel() + lane;
        int scales = matrix.widenedScales(panel) + lane;
        int xScales = from + TILE_ROWS * BLOCK * matrix.blocks();
        for (int block = 0; block < matrix.blocks(); block++) {
            float dot = dot(widened, w, x, from, block * BLOCK, (block + 1) * BLOCK);
            sum = Math.fma(dot, widened[scales + PANEL * block] * x[xScales + TILE_ROWS * block], sum);
        }
        return sum;
    }

    @Override
    void quantize(CpuBuffer buffer, int row) {
        for (int block = 0; block * BLOCK < buffer.width(); block++) {
            quantize(buffer, row, block);
        }
    }

    /** Quantises one block, of which the last may be partly padding. */
    static void quantize(CpuBuffer buffer, int row, int block) {
        int first = block * BLOCK;
        int present = Math.min(BLOCK, buffer.width() - first);
        float max = 0;
        for (int k = 0; k < present; k++) {
            max = Math.max(max, Math.abs(buffer.get(row, first + k)));
        }
        float inverse = max < SMALLEST_BLOCK ? 0 : 127 / max;
        for (int k = 0; k < BLOCK; k++) {
            float q = k < present ? buffer.get(row, first + k) * inverse + ROUND - ROUND : 0;
            buffer.quants()[row * buffer.stride() + first + k] = q;
        }
        buffer.scales()[row * buffer.stride() / BLOCK + block] = max / 127;
    }

    @Override
    void store(
            float[] tile,
            int tileRow,
            @Nullable CpuBuffer bias,
            Epilogue epilogue,
            CpuBuffer out,
            int row,
            int column) {
        for (int i = 0; i < TILE_COLUMNS; i++) {
            float z = tile[tileRow * TILE_COLUMNS + i];
            if (bias != null) {
                z += bias.get(0, column + i);
            }
            float value =
                    switch (epilogue) {
                        case NONE -> z;
                        case SIGMOID -> sigmoid(z);
                        case TANH -> 1 - 2 / (1 + exp(2 * z));
                        case RELU_SQUARED -> Math.max(z, 0) * Math.max(z, 0);
                        case SILU -> z * sigmoid(z);
                        case MISH -> mish(z);
                        case DECAY6 -> exp(-exp(z));
                        case DECAY7 -> exp(-DECAY_SCALE * sigmoid(z));
                        case ADD -> out.get(row, column + i) + z;
                        case MULTIPLY -> out.get(row, column + i) * z;
                    };
            out.set(row, column + i, value);
        }
    }

    private static float sigmoid(float z) {
        return 1 / (1 + exp(-z));
    }

    /** tanh(ln(1 + e)) is (e² + 2e) / (e² + 2e + 2), and 1 in float32 from z = 20 on. */
    private static float mish(float z) {
        float e = exp(Math.min(z, 20));
        float n = e * (e + 2);
        return z * (n / (n + 2));
    }

    /** e^x to about one unit in the last place: 2^n times a polynomial on [−ln 2 / 2, ln 2 / 2] (Cephes). */
    static float exp(float x) {
        float clamped = Math.min(Math.max(x, -87.33f), 88.37f);
        float n = Math.fma(clamped, 1.44269504f, ROUND) - ROUND;
        float r = Math.fma(n, 2.12194440e-4f, Math.fma(n, -0.693359375f, clamped));
        float p = 1.9875691500e-4f;
        p = Math.fma(p, r, 1.3981999507e-3f);
        p = Math.fma(p, r, 8.3334519073e-3f);
        p = Math.fma(p, r, 4.1665795894e-2f);
        p = Math.fma(p, r, 1.6666665459e-1f);
        p = Math.fma(p, r, 5.0000001201e-1f);
        float e = Math.fma(p, r * r, r) + 1;
        return e * Float.intBitsToFloat(((int) n + 127) << 23);
    }

    @Override
    public void wkv7(
            MemorySegment state, long offset, int head, int headSize, CpuWkv7 t, int first, int last, Scratch scratch) {
        int size = headSize * headSize;
        HeadScratch h = ((HeapScratch) scratch).head(headSize);
        float[] s = h.matrix();
        MemorySegment.copy(state, FLOAT, offset, s, 0, size);
        for (int row = first; row < last; row++) {
            h.load(t, row, head * headSize);
            for (int i = 0; i < headSize; i++) {
                wkv7Channel(s, headSize, h, i);
            }
            h.store(t, row, head * headSize);
        }
        MemorySegment.copy(s, 0, state, FLOAT, offset, size);
    }

    /** One value channel of one head for the row that {@code t} holds; s [key][value]. */
    static void wkv7Channel(float[] s, int headSize, HeadScratch t, int i) {
        float sa = 0;
        for (int j = 0; j < headSize; j++) {
            sa = Math.fma(s[j * headSize + i], -t.kk[j], sa);
        }
        float out = 0;
        for (int j = 0; j < headSize; j++) {
            int at = j * headSize + i;
            s[at] = Math.fma(t.v[i], t.k[j], Math.fma(sa, t.b[j], s[at] * t.w[j]));
            out = Math.fma(s[at], t.r[j], out);
        }
        t.out[i] = out;
    }

    @Override
    public void wkv4(
            MemorySegment state, long offset, CpuRkv t, int channel, int end, int first, int last, Scratch scratch) {
        for (int c = channel; c < end; c++) {
            ScalarRecurrences.wkv4(state, offset, t, c, first, last);
        }
    }

    @Override
    public void wkv6(
            MemorySegment state, long offset, int head, int headSize, CpuRkv t, int first, int last, Scratch scratch) {
        for (int row = first; row < last; row++) {
            float bonus = ScalarRecurrences.bonus(head, headSize, t, row);
            for (int j = 0; j < headSize; j++) {
                ScalarRecurrences.wkv6(state, offset, head, headSize, t, row, j, bonus);
            }
        }
    }
}
