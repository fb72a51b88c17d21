package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuBuffer.FLOAT;

import java.lang.foreign.MemorySegment;

/**
 * Sums along a row, in eight partial sums that are added in a fixed order. Plain Java for all kernels: the Vector API
 * leaves the order of its sums open, even from one call to the next, and results must not depend on it.
 */
final class Reductions {
    private Reductions() {}

    static float sum(MemorySegment x, long offset, int n) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        float e = 0;
        float f = 0;
        float g = 0;
        float h = 0;
        int i = 0;
        for (; i + 8 <= n; i += 8) {
            long at = offset + 4L * i;
            a += x.get(FLOAT, at);
            b += x.get(FLOAT, at + 4);
            c += x.get(FLOAT, at + 8);
            d += x.get(FLOAT, at + 12);
            e += x.get(FLOAT, at + 16);
            f += x.get(FLOAT, at + 20);
            g += x.get(FLOAT, at + 24);
            h += x.get(FLOAT, at + 28);
        }
        for (; i < n; i++) {
            a += x.get(FLOAT, offset + 4L * i);
        }
        return ((a + b) + (c + d)) + ((e + f) + (g + h));
    }

    /** The sum of (x − mean)². */
    static float squares(MemorySegment x, long offset, int n, float mean) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        float e = 0;
        float f = 0;
        float g = 0;
        float h = 0;
        int i = 0;
        for (; i + 8 <= n; i += 8) {
            long at = offset + 4L * i;
            a += square(x.get(FLOAT, at) - mean);
            b += square(x.get(FLOAT, at + 4) - mean);
            c += square(x.get(FLOAT, at + 8) - mean);
            d += square(x.get(FLOAT, at + 12) - mean);
            e += square(x.get(FLOAT, at + 16) - mean);
            f += square(x.get(FLOAT, at + 20) - mean);
            g += square(x.get(FLOAT, at + 24) - mean);
            h += square(x.get(FLOAT, at + 28) - mean);
        }
        for (; i < n; i++) {
            a += square(x.get(FLOAT, offset + 4L * i) - mean);
        }
        return ((a + b) + (c + d)) + ((e + f) + (g + h));
    }

    private static float square(float x) {
        return x * x;
    }

    /** Normalises {@code n} numbers in one go: out = (x − mean) / sqrt(variance + epsilon) · weight + bias. */
    static void normalise(
            MemorySegment in,
            long from,
            MemorySegment out,
            long to,
            int n,
            float epsilon,
            MemorySegment weight,
            MemorySegment bias,
            long parameters) {
        float mean = sum(in, from, n) / n;
        float variance = squares(in, from, n, mean) / n;
        float scale = (float) (1 / Math.sqrt(variance + epsilon));
        for (int i = 0; i < n; i++) {
            long at = 4L * i;
            float x = (in.get(FLOAT, from + at) - mean) * scale;
            out.set(FLOAT, to + at, x * weight.get(FLOAT, parameters + at) + bias.get(FLOAT, parameters + at));
        }
    }
}
