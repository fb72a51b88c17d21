package io.github.rwkv4j.engine.model;

import static io.github.rwkv4j.engine.compute.Epilogue.MULTIPLY;
import static io.github.rwkv4j.engine.compute.Epilogue.RELU_SQUARED;
import static io.github.rwkv4j.engine.compute.Epilogue.SIGMOID;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.StateLayout;

/** The channel mixing of RWKV-2 to RWKV-6: sigmoid(W_r xr) · (W_v relu(W_k xk)²), with xk and xr from the token shift. */
final class GatedChannelMixing {
    /**
     * One layer's weights.
     *
     * @param amounts of the token shift for key and receptance; a single row serves both
     */
    record Weights(Buffer amounts, Matrix key, Matrix receptance, Matrix value, StateLayout.Part shift) {}

    private final Compute compute;
    private final Parameters parameters;
    private final StateLayout stateLayout;
    private final ModelConfig config;
    private final Products products = new Products();
    private final Buffer[] both;
    private final Buffer[] single;
    private final Buffer hidden;
    private final Buffer gated;

    GatedChannelMixing(Compute compute, Parameters parameters, StateLayout stateLayout, ModelConfig config) {
        this.compute = compute;
        this.parameters = parameters;
        this.stateLayout = stateLayout;
        this.config = config;
        both = parameters.buffers(2, config.embeddingSize());
        single = new Buffer[] {both[0]};
        hidden = parameters.buffer(config.ffnSize());
        gated = parameters.buffer(config.embeddingSize());
    }

    /** @param ffn such as {@code blocks.3.ffn.} */
    Weights weights(String ffn, Buffer amounts) {
        int width = config.embeddingSize();
        return new Weights(
                amounts,
                parameters.matrix(ffn + "key.weight", config.ffnSize(), width),
                parameters.matrix(ffn + "receptance.weight", width, width),
                parameters.matrix(ffn + "value.weight", width, config.ffnSize()),
                stateLayout.vector(ffn + "shift", width));
    }

    /** x += mixing of y; {@code y} may be {@code x}. */
    void forward(Batch batch, Weights w, Buffer y, Buffer x) {
        int rows = batch.rows();
        Buffer[] mixed = w.amounts.rows() == 1 ? single : both;
        compute.tokenShift(batch, w.shift, y, w.amounts, mixed);
        Buffer xk = mixed[0];
        Buffer xr = mixed[mixed.length - 1];
        compute.multiply(
                rows, products.clear().add(w.key, xk, hidden, RELU_SQUARED).add(w.receptance, xr, gated, SIGMOID));
        compute.multiply(rows, products.clear().add(w.value, hidden, gated, MULTIPLY));
        compute.add(rows, x, gated);
    }
}
