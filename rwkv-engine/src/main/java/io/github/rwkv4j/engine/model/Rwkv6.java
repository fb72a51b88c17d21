package io.github.rwkv4j.engine.model;

import static io.github.rwkv4j.engine.compute.Epilogue.ADD;
import static io.github.rwkv4j.engine.compute.Epilogue.DECAY6;
import static io.github.rwkv4j.engine.compute.Epilogue.NONE;
import static io.github.rwkv4j.engine.compute.Epilogue.SILU;
import static io.github.rwkv4j.engine.compute.Epilogue.TANH;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.Rkv;
import io.github.rwkv4j.engine.compute.StateLayout;

/**
 * RWKV-6 "Finch" (x060). Peng et al., "Eagle and Finch: RWKV with Matrix-Valued States and Dynamic Recurrence", 2024,
 * section 4; names are those of the official checkpoints.
 *
 * <p>As RWKV-5.2, but how much of the row before is mixed in, and how fast the state decays, depends on the token: both come
 * from low-rank adapters.
 */
public final class Rwkv6 implements Model {
    private static final float LN_EPS = 1e-5f;

    /** The order of the five mixes in the checkpoint's tensors. */
    private static final String[] MIXES = {"w", "k", "v", "r", "g"};

    private record Layer(
            Norm ln1,
            Buffer time_maa_x,
            Matrix[] time_maa_w1,
            Matrix[] time_maa_w2,
            Buffer[] time_maa,
            Buffer time_decay,
            Matrix time_decay_w1,
            Matrix time_decay_w2,
            Buffer time_faaaa,
            Matrix receptance,
            Matrix key,
            Matrix value,
            Matrix gate,
            Matrix output,
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
    private final Buffer xx;
    private final Buffer[] ranks;
    private final Buffer[] amounts;
    private final Buffer[] mixed;
    private final Buffer decayRank;
    private final Buffer w;
    private final Rkv t;
    private final Buffer g;
    private final Buffer o;

    Rwkv6(Compute compute, Parameters parameters) {
        this.compute = compute;
        config = configOf(parameters);
        ends = new EmbeddingAndHead(compute, parameters, stateLayout, config);
        channelMixing = new GatedChannelMixing(compute, parameters, stateLayout, config);
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer(parameters, "blocks." + i + ".");
        }
        int width = config.embeddingSize();
        int attention = config.attentionSize();
        x = ends.x();
        y = parameters.buffer(width);
        xx = parameters.buffer(width);
        ranks = parameters.buffers(MIXES.length, layers[0].time_maa_w1[0].rows());
        amounts = parameters.buffers(MIXES.length, width);
        mixed = parameters.buffers(MIXES.length, width);
        decayRank = parameters.buffer(layers[0].time_decay_w1.rows());
        w = parameters.buffer(attention);
        t = new Rkv(parameters.buffer(attention), parameters.buffer(attention), parameters.buffer(attention));
        g = parameters.buffer(attention);
        o = parameters.buffer(attention);
    }

    private static ModelConfig configOf(Parameters parameters) {
        int[] emb = parameters.shape("emb.weight", 2);
        int[] faaaa = parameters.shape("blocks.0.att.time_faaaa", 2);
        return new ModelConfig(
                Architecture.RWKV_6,
                parameters.layers(),
                emb[1],
                faaaa[0],
                faaaa[1],
                parameters.shape("blocks.0.ffn.key.weight", 2)[0],
                emb[0],
                0,
                parameters.count(),
                parameters.dtype("head.weight"));
    }

    private Layer layer(Parameters parameters, String block) {
        int width = config.embeddingSize();
        int attention = config.attentionSize();
        String att = block + "att.";
        String ffn = block + "ffn.";
        int mixRank = parameters.shape("blocks.0.att.time_maa_w2", 3)[1];
        int decaySize = parameters.shape("blocks.0.att.time_decay_w1", 2)[1];
        int mixes = MIXES.length;
        Matrix[] down = new Matrix[mixes];
        Matrix[] up = new Matrix[mixes];
        Buffer[] maa = new Buffer[mixes];
        for (int i = 0; i < mixes; i++) {
            down[i] = parameters.adapterBeside(att + "time_maa_w1", i, mixes, width, mixRank);
            up[i] = parameters.adapterOf(att + "time_maa_w2", i, mixes, mixRank, width);
            maa[i] = parameters.vector(att + "time_maa_" + MIXES[i], width);
        }
        return new Layer(
                parameters.norm(block + "ln1", width, LN_EPS),
                parameters.vector(att + "time_maa_x", width),
                down,
                up,
                maa,
                parameters.vector(att + "time_decay", attention),
                parameters.adapter(att + "time_decay_w1", width, decaySize),
                parameters.adapter(att + "time_decay_w2", decaySize, attention),
                parameters.flattened(att + "time_faaaa", config.heads(), config.headSize()),
                parameters.matrix(att + "receptance.weight", attention, width),
                parameters.matrix(att + "key.weight", attention, width),
                parameters.matrix(att + "value.weight", attention, width),
                parameters.matrix(att + "gate.weight", attention, width),
                parameters.matrix(att + "output.weight", width, attention),
                parameters.norm(att + "ln_x", attention, ModelOptions.HEAD_NORM_EPSILON),
                stateLayout.vector(att + "shift", width),
                parameters.matrices(stateLayout, att, config.heads(), config.headSize()),
                parameters.norm(block + "ln2", width, LN_EPS),
                channelMixing.weights(ffn, parameters.vectors(width, ffn + "time_maa_k", ffn + "time_maa_r")));
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
        dataDependentShift(batch, l);
        Buffer xw = mixed[0];
        Buffer xk = mixed[1];
        Buffer xv = mixed[2];
        Buffer xr = mixed[3];
        Buffer xg = mixed[4];
        compute.multiply(
                rows,
                products.clear()
                        .add(l.receptance, xr, t.r())
                        .add(l.key, xk, t.k())
                        .add(l.value, xv, t.v())
                        .add(l.gate, xg, g, SILU)
                        .add(l.time_decay_w1, xw, decayRank, TANH));
        compute.multiply(rows, products.clear().add(l.time_decay_w2, decayRank, l.time_decay, w, DECAY6));
        compute.wkv6(batch, l.state, config.headSize(), t, w, l.time_faaaa, o);
        compute.headNorm(rows, config.headSize(), o, l.ln_x, g);
        compute.multiply(rows, products.clear().add(l.output, o, x, ADD));
    }

    /** From one mix with the row before come the amounts of the five that count. */
    private void dataDependentShift(Batch batch, Layer l) {
        compute.peekShift(batch, l.shift, y, l.time_maa_x, xx);
        products.clear();
        for (int i = 0; i < MIXES.length; i++) {
            products.add(l.time_maa_w1[i], xx, ranks[i], TANH);
        }
        compute.multiply(batch.rows(), products);
        products.clear();
        for (int i = 0; i < MIXES.length; i++) {
            products.add(l.time_maa_w2[i], ranks[i], l.time_maa[i], amounts[i], NONE);
        }
        compute.multiply(batch.rows(), products);
        compute.dynamicShift(batch, l.shift, y, amounts, mixed);
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
