package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.StateLayout;

/** A network with its weights on a device. Its handles belong to the device and are freed with it. */
public sealed interface Model permits Rwkv7 {
    ModelConfig config();

    StateLayout stateLayout();

    /** Advances each session of the batch over its tokens, and computes the logits and features that it asks for. */
    void forward(Batch batch);

    /** The logits of the last batch: [i-th row asked for][vocabulary size]. */
    Buffer logits();

    /** The outputs of the last layer norm in the last batch: [i-th row asked for][embedding size]. */
    Buffer features();
}
