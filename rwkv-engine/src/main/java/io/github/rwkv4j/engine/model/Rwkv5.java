package io.github.rwkv4j.engine.model;

import static io.github.rwkv4j.engine.compute.Epilogue.ADD;
import static io.github.rwkv4j.engine.compute.Epilogue.SILU;

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
 * RWKV-5 "Eagle". Peng et al., "Eagle and Finch: RWKV with Matrix-Valued States and Dynamic Recurrence", 2024, section 4;
 * names are those of the official checkpoints.
 *
 * <p>The state of a layer is the row before of both token shifts, and one matrix per head that decays and learns v from k.
 * Three versions: 5.0 decays by head; 5.1 adds a gate; 5.2, which is what was released as World, decays by head and key
 * channel.
 */
public final class Rwkv5 implements Model {
    private static final float LN_EPS = 1e-5f;

    private record Layer(
            Norm ln1,
            Buffer amounts,
            Matrix receptance,
            Matrix key,
            Matrix value,
            @Nullable Matrix gate,
            Matrix output,
            Buffer decay,
            Buffer bonus,
            Norm ln_x,
            StateLayout.Part shift,
            StateLayout.Part state,
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
    private final Buffer g;
    private final Buffer o;

    Rwkv5(Compute compute, Parameters parameters, Architecture version) {
        this.compute = compute;
        config = configOf(parameters, version);
        ends = new EmbeddingAndHead(compute, parameters, stateLayout, config);
        channelMixing = new GatedChannelMixing(compute, parameters, stateLayout, config);
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer(parameters, "blocks." + i + ".");
        }
        int attention = config.attentionSize();
        x = ends.x();
        y = parameters.buffer(config.embeddingSize());
        mixed = parameters.buffers(hasGate() ? 4 : 3, config.embeddingSize());
        t = new Rkv(parameters.buffer(attention), parameters.buffer(attention), parameters.buffer(attention));
        g = parameters.buffer(attention);
        o = parameters.buffer(attention);
    }

    private static ModelConfig configOf(Parameters parameters, Architecture version) {
        int[] emb = parameters.shape("emb.weight", 2);
        int attention = parameters.shape("blocks.0.att.key.weight", 2)[0];
        String decay = "blocks.0.att.time_decay";
        int heads = version == Architecture.RWKV_5_2
                ? parameters.leadingDimension(decay)
                : Math.toIntExact(parameters.elements(decay));
        parameters.requireDivisible(decay, attention, heads);
        return new ModelConfig(
                version,
                parameters.layers(),
                emb[1],
                heads,
                attention / heads,
                parameters.shape("blocks.0.ffn.key.weight", 2)[0],
                emb[0],
                0,
                parameters.count(),
                parameters.dtype("head.weight"));
    }

    private boolean hasGate() {
        return config.architecture() != Architecture.RWKV_5_0;
    }

    private Layer layer(Parameters parameters, String block) {
        int width = config.embeddingSize();
        int attention = config.attentionSize();
        String att = block + "att.";
        String ffn = block + "ffn.";
        return new Layer(
                parameters.norm(block + "ln1", width, LN_EPS),
                hasGate()
                        ? parameters.amountsOf(
                                width, att + "time_mix_k", att + "time_mix_v", att + "time_mix_r", att + "time_mix_g")
                        : parameters.amountsOf(width, att + "time_mix_k", att + "time_mix_v", att + "time_mix_r"),
                parameters.matrix(att + "receptance.weight", attention, width),
                parameters.matrix(att + "key.weight", attention, width),
                parameters.matrix(att + "value.weight", attention, width),
                hasGate() ? parameters.matrix(att + "gate.weight", attention, width) : null,
                parameters.matrix(att + "output.weight", width, attention),
                parameters.perHead(
                        att + "time_decay", config.heads(), config.headSize(), p -> (float) Math.exp(-Math.exp(p))),
                bonus(parameters, att),
                parameters.norm(att + "ln_x", attention, parameters.options().headNormEpsilon()),
                stateLayout.vector(att + "shift", width),
                parameters.matrices(stateLayout, att, config.heads(), config.headSize()),
                parameters.norm(block + "ln2", width, LN_EPS),
                channelMixing.weights(ffn, parameters.amountsOf(width, ffn + "time_mix_k", ffn + "time_mix_r")));
    }

    /** The name decides: early files hold the logarithm, as time_first. */
    private Buffer bonus(Parameters parameters, String att) {
        return parameters.has(att + "time_first")
                ? parameters.perHead(att + "time_first", config.heads(), config.headSize(), p -> (float) Math.exp(p))
                : parameters.perHead(att + "time_faaaa", config.heads(), config.headSize(), u -> u);
    }

    @Override
    public void forward(Batch batch) {
        ends.embed(batch);
        for (Layer layer : layers) {
            compute.layerNorm(batch.rows(), x, layer.ln1, y);
            timeMixing(batch, layer);
            compute.layerNorm(batch.rows(), x, layer.ln2, y);
            channelMixing.forward(batch, layer.ffn, y, x);
        }
        ends.head(batch);
    }

    private void timeMixing(Batch batch, Layer l) {
        int rows = batch.rows();
        int headSize = config.headSize();
        compute.tokenShift(batch, l.shift, y, l.amounts, mixed);
        Buffer xk = mixed[0];
        Buffer xv = mixed[1];
        Buffer xr = mixed[2];
        products.clear().add(l.receptance, xr, t.r()).add(l.key, xk, t.k()).add(l.value, xv, t.v());
        if (l.gate == null) {
            compute.multiply(rows, products);
            compute.wkv6(batch, l.state, headSize, t, l.decay, l.bonus, o);
            compute.headNorm(rows, headSize, o, l.ln_x);
        } else {
            Buffer xg = mixed[3];
            compute.multiply(rows, products.add(l.gate, xg, g, SILU));
            compute.wkv6(batch, l.state, headSize, t, l.decay, l.bonus, o);
            compute.headNorm(rows, headSize, o, l.ln_x, g);
        }
        compute.multiply(rows, products.clear().add(l.output, o, x, ADD));
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
