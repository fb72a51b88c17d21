package io.github.rwkv4j.engine.compute.cpu;

import static io.github.rwkv4j.engine.compute.cpu.CpuMatrix.BLOCK;

/** Chooses the scale of a block of 32 numbers that are to become integers. */
final class BlockScale {
    /** The largest integer of 8 bits, so that there are as many below zero as above. */
    static final int MOST_OF_EIGHT_BITS = 127;

    /**
     * What the number of the largest magnitude is divided by to get a 4-bit block's scale: it becomes −8, or more or less,
     * where the others fit better for it.
     */
    private static final float[] DIVISORS = {-8, -7.3f, -9, 7.1f};

    private BlockScale() {}

    /** The largest magnitude. */
    static float largest(float[] x, int from) {
        float max = 0;
        for (int k = from; k < from + BLOCK; k++) {
            max = Math.max(max, Math.abs(x[k]));
        }
        return max;
    }

    /** The scale of integers from −8 to 7 with the least squared error among a few candidates, each scaled to fit best. */
    static float ofFourBits(float[] x, int from) {
        float peak = 0;
        for (int k = from; k < from + BLOCK; k++) {
            peak = Math.abs(x[k]) > Math.abs(peak) ? x[k] : peak;
        }
        if (Math.abs(peak) < ScalarKernels.SMALLEST_BLOCK) {
            return 0;
        }
        float best = 0;
        float most = -1;
        for (float divisor : DIVISORS) {
            float inverse = divisor / peak;
            float xq = 0;
            float qq = 0;
            for (int k = from; k < from + BLOCK; k++) {
                float q = x[k] * inverse + ScalarKernels.ROUND - ScalarKernels.ROUND;
                q = Math.max(-8, Math.min(7, q));
                xq += x[k] * q;
                qq += q * q;
            }
            // With the scale xq / qq the squared error is that of all zeros less this.
            float gain = xq * (xq / qq);
            if (gain > most) {
                most = gain;
                best = xq / qq;
            }
        }
        return best;
    }
}
