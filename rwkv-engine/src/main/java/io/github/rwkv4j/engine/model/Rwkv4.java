package io.github.rwkv4j.engine.model;

import static io.github.rwkv4j.engine.compute.Epilogue.ADD;
import static io.github.rwkv4j.engine.compute.Epilogue.SIGMOID;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.Rkv;
import io.github.rwkv4j.engine.compute.StateLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * RWKV-4 (Pile, Raven, World). Peng et al., "RWKV: Reinventing RNNs for the Transformer Era", 2023, section 3; names are
 * those of the official checkpoints.
 *
 * <p>Each channel keeps a weighted mean of its values: weights are e^k, and decay by a trained factor with each token. The
 * state of a layer is the row before of both token shifts, and per channel the sums above and below the fraction bar,
 * relative to the largest exponent so far.
 */
public final class Rwkv4 implements Model {
    private static final float LN_EPS = 1e-5f;

    /** The exponent that an empty past is relative to: below every other. */
    private static final float NOTHING = -1e30f;

    private record TimeMixing(
            Buffer amounts,
            Matrix key,
            Matrix value,
            Matrix receptance,
            Matrix output,
            Buffer decay,
            Buffer time_first,
            StateLayout.Part shift,
            StateLayout.Part state) {}

    /** The first layer may have a second channel mixing in place of its time mixing. */
    private record Layer(
            Norm ln1,
            @Nullable TimeMixing att,
            GatedChannelMixing.@Nullable Weights ffnPre,
            Norm ln2,
            GatedChannelMixing.Weights ffn) {}

    private final Compute compute;
    private final ModelConfig config;
    private final StateLayout stateLayout = new StateLayout();
    private final EmbeddingAndHead ends;
    private final GatedChannelMixing channelMixing;
    private final Layer[] layers;

    private final Products products = new Products();
    private final Buffer x;
    private final Buffer y;
    private final Buffer[] mixed;
    private final Rkv t;
    private final Buffer wkv;

    Rwkv4(Compute compute, Parameters parameters) {
        this.compute = compute;
        config = parameters.configWithoutHeads(Architecture.RWKV_4);
        ends = new EmbeddingAndHead(compute, parameters, stateLayout, config);
        channelMixing = new GatedChannelMixing(compute, parameters, stateLayout, config);
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer(parameters, "blocks." + i + ".");
        }
        int width = config.embeddingSize();
        x = ends.x();
        y = parameters.buffer(width);
        mixed = parameters.buffers(3, width);
        t = new Rkv(parameters.buffer(width), parameters.buffer(width), parameters.buffer(width));
        wkv = parameters.buffer(width);
    }

    private Layer layer(Parameters parameters, String block) {
        int width = config.embeddingSize();
        String ffnPre = block + "ffnPre.";
        boolean pre = parameters.has(ffnPre + "key.weight");
        return new Layer(
                parameters.norm(block + "ln1", width, LN_EPS),
                pre ? null : timeMixing(parameters, block + "att."),
                pre ? channelMixing(parameters, ffnPre) : null,
                parameters.norm(block + "ln2", width, LN_EPS),
                channelMixing(parameters, block + "ffn."));
    }

    private TimeMixing timeMixing(Parameters parameters, String att) {
        int width = config.embeddingSize();
        return new TimeMixing(
                parameters.amountsOf(width, att + "time_mix_k", att + "time_mix_v", att + "time_mix_r"),
                parameters.matrix(att + "key.weight", width, width),
                parameters.matrix(att + "value.weight", width, width),
                parameters.matrix(att + "receptance.weight", width, width),
                parameters.matrix(att + "output.weight", width, width),
                parameters.vector(att + "time_decay", width, p -> (float) -Math.exp(p)),
                parameters.vector(att + "time_first", width),
                stateLayout.vector(att + "shift", width),
                state(att, width));
    }

    private StateLayout.Part state(String att, int width) {
        StateLayout.Part state = stateLayout.vector(att + "state", 3 * width);
        float[] empty = new float[3 * width];
        Arrays.fill(empty, 2 * width, 3 * width, NOTHING);
        stateLayout.startsWith(state, empty);
        return state;
    }

    private GatedChannelMixing.Weights channelMixing(Parameters parameters, String ffn) {
        int width = config.embeddingSize();
        return channelMixing.weights(ffn, parameters.amountsOf(width, ffn + "time_mix_k", ffn + "time_mix_r"));
    }

    @Override
    public void forward(Batch batch) {
        ends.embed(batch);
        for (Layer layer : layers) {
            compute.layerNorm(batch.rows(), x, layer.ln1, y);
            if (layer.att != null) {
                timeMixing(batch, layer.att);
            }
            if (layer.ffnPre != null) {
                channelMixing.forward(batch, layer.ffnPre, y, x);
            }
            compute.layerNorm(batch.rows(), x, layer.ln2, y);
            channelMixing.forward(batch, layer.ffn, y, x);
        }
        ends.head(batch);
    }

    private void timeMixing(Batch batch, TimeMixing l) {
        int rows = batch.rows();
        compute.tokenShift(batch, l.shift, y, l.amounts, mixed);
        Buffer xk = mixed[0];
        Buffer xv = mixed[1];
        Buffer xr = mixed[2];
        compute.multiply(
                rows,
                products.clear().add(l.key, xk, t.k()).add(l.value, xv, t.v()).add(l.receptance, xr, t.r(), SIGMOID));
        compute.wkv4(batch, l.state, t, l.decay, l.time_first, wkv);
        compute.multiply(rows, products.clear().add(l.output, wkv, x, ADD));
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public StateLayout stateLayout() {
        return stateLayout;
    }

    @Override
    public Buffer logits() {
        return ends.logits();
    }

    @Override
    public Buffer features() {
        return ends.features();
    }
}
