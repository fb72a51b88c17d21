package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.weights.Quantization;
import java.util.Optional;

/**
 * How a network is put on a device.
 *
 * @param quantization how the large matrices are kept
 * @param maxRows most rows of a batch
 * @param maxLogits most rows of a batch whose logits are asked for
 * @param architecture what the checkpoint is; empty recognises it
 * @param copyWindow how many of the last positions the copy head of RWKV-2 to RWKV-4 looks back on; 0 for as many as the
 *     checkpoint says, which may be all
 * @param headNormEpsilon of RWKV-5's group norm; {@link #HEAD_NORM_EPSILON} everywhere but in what rwkv.cpp trained
 */
public record ModelOptions(
        Quantization quantization,
        int maxRows,
        int maxLogits,
        Optional<Architecture> architecture,
        int copyWindow,
        float headNormEpsilon) {
    /** Training divides a head's output by 8 and normalises with 1e-5; that equals this without the division. */
    public static final float HEAD_NORM_EPSILON = 64e-5f;

    /** Everything else as the checkpoint says. */
    public ModelOptions(Quantization quantization, int maxRows, int maxLogits) {
        this(quantization, maxRows, maxLogits, Optional.empty(), 0, HEAD_NORM_EPSILON);
    }
}
