package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.Map;

/** A network with its weights on a device. Its handles belong to the device and are freed with it. */
public sealed interface Model permits Rwkv1, Rwkv2, Rwkv3, Rwkv4, Rwkv5, Rwkv6, Rwkv7 {
    /**
     * Puts a checkpoint's weights on a device.
     *
     * @param tensors by their official names
     * @throws io.github.rwkv4j.engine.errors.CheckpointException if this is no network that the engine runs, or a tensor
     *     is missing, unknown or of the wrong shape
     */
    static Model load(Compute compute, Map<String, Tensor> tensors, ModelOptions options) {
        Architecture architecture = options.architecture().orElseGet(() -> Architecture.recognise(tensors));
        Parameters parameters = new Parameters(tensors, compute, options);
        Model model =
                switch (architecture) {
                    case RWKV_1 -> new Rwkv1(compute, parameters);
                    case RWKV_2 -> new Rwkv2(compute, parameters);
                    case RWKV_3 -> new Rwkv3(compute, parameters);
                    case RWKV_4 -> new Rwkv4(compute, parameters);
                    case RWKV_5_0, RWKV_5_1, RWKV_5_2 -> new Rwkv5(compute, parameters, architecture);
                    case RWKV_6 -> new Rwkv6(compute, parameters);
                    case RWKV_7 -> new Rwkv7(compute, parameters);
                };
        parameters.requireAllUsed();
        return model;
    }

    ModelConfig config();

    StateLayout stateLayout();

    /** Advances each session of the batch over its tokens, and computes the logits and features that it asks for. */
    void forward(Batch batch);

    /** The logits of the last batch: [i-th row asked for][vocabulary size]. */
    Buffer logits();

    /** The outputs of the last layer norm in the last batch: [i-th row asked for][embedding size]. */
    Buffer features();
}
