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

    /** The sum of r[row][i] · k[row][i] · w[0][i] over {@code n} columns from {@code first}. */
    static float products(CpuBuffer r, CpuBuffer k, CpuBuffer w, int row, int first, int n) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        float e = 0;
        float f = 0;
        float g = 0;
        float h = 0;
        int i = first;
        for (; i + 8 <= first + n; i += 8) {
            a += product(r, k, w, row, i);
            b += product(r, k, w, row, i + 1);
            c += product(r, k, w, row, i + 2);
            d += product(r, k, w, row, i + 3);
            e += product(r, k, w, row, i + 4);
            f += product(r, k, w, row, i + 5);
            g += product(r, k, w, row, i + 6);
            h += product(r, k, w, row, i + 7);
        }
        for (; i < first + n; i++) {
            a += product(r, k, w, row, i);
        }
        return ((a + b) + (c + d)) + ((e + f) + (g + h));
    }

    private static float product(CpuBuffer r, CpuBuffer k, CpuBuffer w, int row, int i) {
        return r.get(row, i) * k.get(row, i) * w.get(0, i);
    }
}
