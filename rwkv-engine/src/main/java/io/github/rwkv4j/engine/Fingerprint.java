package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.model.InitialState;
import io.github.rwkv4j.engine.state.Digests;
import io.github.rwkv4j.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.TreeMap;

/**
 * What tells a model from others. Reading all weights would take seconds for a large model, so their contents are sampled:
 * training that changes a tensor changes it nearly everywhere.
 */
final class Fingerprint {
    private static final int SAMPLES = 16;
    private static final int SAMPLE_BYTES = 64;

    private Fingerprint() {}

    static String of(Checkpoint checkpoint, ModelInfo info, RwkvOptions options) {
        MessageDigest digest = Digests.sha256();
        add(digest, info.generation(), info.weights(), options.copyWindow());
        add(digest, checkpoint.metadata().getOrDefault(Checkpoint.HEAD_NORM_EPSILON, ""));
        for (Tensor tensor : new TreeMap<>(checkpoint.tensors()).values()) {
            add(digest, tensor.name(), tensor.dtype(), Arrays.toString(tensor.shape()));
            long bytes = tensor.data().byteSize();
            long step = Math.max(SAMPLE_BYTES, bytes / SAMPLES);
            for (long at = 0; at < bytes; at += step) {
                digest.update(tensor.data()
                        .asSlice(at, Math.min(SAMPLE_BYTES, bytes - at))
                        .asByteBuffer());
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** What tells a trained initial state from others. */
    static String of(InitialState start) {
        MessageDigest digest = Digests.sha256();
        for (float[] values : start.values()) {
            ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length);
            bytes.asFloatBuffer().put(values);
            digest.update(bytes);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void add(MessageDigest digest, Object... parts) {
        for (Object part : parts) {
            digest.update(part.toString().getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
        }
    }
}
