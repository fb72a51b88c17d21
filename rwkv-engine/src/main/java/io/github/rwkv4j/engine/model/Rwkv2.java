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
import org.jspecify.annotations.Nullable;

/**
 * RWKV-2 (2022; RWKV-LM, {@code RWKV-v2-RNN}): the first that is a recurrent network. Names are those of the official
 * checkpoints.
 *
 * <p>Unlike all that came later, the normalised value is the residual stream, and one mix of the token shift serves key,
 * value and receptance. The state of a layer is the row before of both token shifts, and per channel the sums above and
 * below the fraction bar.
 */
public final class Rwkv2 implements Model {
    private static final float LN_EPS = 1e-5f;

    /** Added to the denominator. */
    private static final float WKV_EPS = 1e-16f;

    private record TimeMixing(
            Buffer amounts,
            Matrix key,
            Matrix value,
            Matrix receptance,
            Matrix output,
            Buffer decay,
            Buffer first,
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
    private final Buffer mixed;
    private final Rkv t;
    private final Buffer wkv;

    Rwkv2(Compute compute, Parameters parameters) {
        this.compute = compute;
        config = parameters.configWithoutHeads(Architecture.RWKV_2);
        ends = new EmbeddingAndHead(compute, parameters, stateLayout, config);
        channelMixing = new GatedChannelMixing(compute, parameters, stateLayout, config);
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer(parameters, "blocks." + i + ".");
        }
        int width = config.embeddingSize();
        x = ends.x();
        mixed = parameters.buffer(width);
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
                parameters.amountsOf(width, att + "time_mix"),
                parameters.matrix(att + "key.weight", width, width),
                parameters.matrix(att + "value.weight", width, width),
                parameters.matrix(att + "receptance.weight", width, width),
                parameters.matrix(att + "output.weight", width, width),
                parameters.vector(att + "time_decay", width, p -> (float) Math.exp(-Math.exp(p))),
                parameters.vector(att + "time_first", width, p -> (float) Math.exp(p)),
                stateLayout.vector(att + "shift", width),
                stateLayout.vector(att + "state", 2 * width));
    }

    private GatedChannelMixing.Weights channelMixing(Parameters parameters, String ffn) {
        int width = config.embeddingSize();
        return channelMixing.weights(ffn, parameters.amountsOf(width, ffn + "time_mix"));
    }

    @Override
    public void forward(Batch batch) {
        ends.embed(batch);
        for (Layer layer : layers) {
            compute.layerNorm(batch.rows(), x, layer.ln1, x);
            if (layer.att != null) {
                timeMixing(batch, layer.att);
            }
            if (layer.ffnPre != null) {
                channelMixing.forward(batch, layer.ffnPre, x, x);
            }
            compute.layerNorm(batch.rows(), x, layer.ln2, x);
            channelMixing.forward(batch, layer.ffn, x, x);
        }
        ends.head(batch);
    }

    private void timeMixing(Batch batch, TimeMixing l) {
        int rows = batch.rows();
        compute.tokenShift(batch, l.shift, x, l.amounts, mixed);
        compute.multiply(
                rows,
                products.clear()
                        .add(l.key, mixed, t.k())
                        .add(l.value, mixed, t.v())
                        .add(l.receptance, mixed, t.r(), SIGMOID));
        compute.wkv2(batch, l.state, t, l.decay, l.first, WKV_EPS, wkv);
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
