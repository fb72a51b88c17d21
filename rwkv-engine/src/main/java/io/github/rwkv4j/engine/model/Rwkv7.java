package io.github.rwkv4j.engine.model;

import static io.github.rwkv4j.engine.compute.Epilogue.ADD;
import static io.github.rwkv4j.engine.compute.Epilogue.DECAY7;
import static io.github.rwkv4j.engine.compute.Epilogue.RELU_SQUARED;
import static io.github.rwkv4j.engine.compute.Epilogue.SIGMOID;
import static io.github.rwkv4j.engine.compute.Epilogue.TANH;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.Wkv7;
import org.jspecify.annotations.Nullable;

/**
 * RWKV-7 "Goose" (x070). Peng et al., "RWKV-7 Goose with Expressive Dynamic State Evolution", 2025, section 4; names are
 * those of the official checkpoints.
 *
 * <p>The state of a layer is the row before of both token shifts, and one matrix per head that decays, forgets along the
 * removal key kk, and learns v from k.
 */
public final class Rwkv7 implements Model {
    private static final float LN_EPS = 1e-5f;
    private static final float GN_EPS = 64e-5f;

    /** The value residual of all layers but the first, which is where it comes from. */
    private record ValueResidual(Matrix v1, Buffer v0, Matrix v2) {}

    private record Layer(
            Norm ln1,
            Buffer x_rwkvag,
            Matrix receptance,
            Matrix key,
            Matrix value,
            Matrix output,
            Buffer w0,
            Matrix w1,
            Matrix w2,
            Buffer a0,
            Matrix a1,
            Matrix a2,
            Matrix g1,
            Matrix g2,
            @Nullable ValueResidual valueResidual,
            Buffer k_k,
            Buffer k_a,
            Buffer r_k,
            Norm ln_x,
            Norm ln2,
            Buffer ffn_x_k,
            Matrix ffn_key,
            Matrix ffn_value,
            StateLayout.Part attShift,
            StateLayout.Part attState,
            StateLayout.Part ffnShift) {}

    private final Compute compute;
    private final ModelConfig config;
    private final StateLayout stateLayout = new StateLayout();
    private final EmbeddingAndHead ends;
    private final Layer[] layers;

    private final Products products = new Products();
    private final Buffer x;
    private final Buffer y;
    private final Buffer[] mixed;
    private final Buffer wRank;
    private final Buffer aRank;
    private final Buffer gRank;
    private final Buffer vRank;
    private final Buffer g;
    private final Buffer vFirst;
    private final Buffer vAmount;
    private final Buffer o;
    private final Wkv7 firstLayer;
    private final Wkv7 laterLayers;
    private final Buffer[] ffnMixed;
    private final Buffer hidden;

    Rwkv7(Compute compute, Parameters parameters) {
        this.compute = compute;
        config = configOf(parameters);
        ends = new EmbeddingAndHead(compute, parameters, stateLayout, config);
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer(parameters, i);
        }

        int width = config.embeddingSize();
        x = ends.x();
        y = parameters.buffer(width);
        mixed = parameters.buffers(6, width);
        wRank = parameters.buffer(layers[0].w1.rows());
        aRank = parameters.buffer(layers[0].a1.rows());
        gRank = parameters.buffer(layers[0].g1.rows());
        vRank = parameters.buffer(layers.length == 1 ? 0 : parameters.shape("blocks.1.att.v1", 2)[1]);
        Buffer r = parameters.buffer(width);
        Buffer w = parameters.buffer(width);
        Buffer k = parameters.buffer(width);
        Buffer v = parameters.buffer(width);
        Buffer a = parameters.buffer(width);
        Buffer kk = parameters.buffer(width);
        g = parameters.buffer(width);
        vFirst = parameters.buffer(width);
        vAmount = parameters.buffer(width);
        o = parameters.buffer(width);
        firstLayer = new Wkv7(r, w, k, vFirst, a, kk);
        laterLayers = new Wkv7(r, w, k, v, a, kk);
        ffnMixed = parameters.buffers(1, width);
        hidden = parameters.buffer(config.ffnSize());
    }

    private static ModelConfig configOf(Parameters parameters) {
        int[] emb = parameters.shape("emb.weight", 2);
        int[] r_k = parameters.shape("blocks.0.att.r_k", 2);
        int ffnSize = parameters.shape("blocks.0.ffn.key.weight", 2)[0];
        return new ModelConfig(
                Architecture.RWKV_7,
                parameters.layers(),
                emb[1],
                r_k[0],
                r_k[1],
                ffnSize,
                emb[0],
                0,
                parameters.count(),
                parameters.dtype("head.weight"));
    }

    private Layer layer(Parameters parameters, int i) {
        int width = config.embeddingSize();
        String block = "blocks." + i + ".";
        String att = block + "att.";
        String ffn = block + "ffn.";
        int wSize = parameters.shape("blocks.0.att.w1", 2)[1];
        int aSize = parameters.shape("blocks.0.att.a1", 2)[1];
        int gSize = parameters.shape("blocks.0.att.g1", 2)[1];
        return new Layer(
                parameters.norm(block + "ln1", width, LN_EPS),
                parameters.vectors(width, att + "x_r", att + "x_w", att + "x_k", att + "x_v", att + "x_a", att + "x_g"),
                parameters.matrix(att + "receptance.weight", width, width),
                parameters.matrix(att + "key.weight", width, width),
                parameters.matrix(att + "value.weight", width, width),
                parameters.matrix(att + "output.weight", width, width),
                parameters.vector(att + "w0", width),
                parameters.adapter(att + "w1", width, wSize),
                parameters.adapter(att + "w2", wSize, width),
                parameters.vector(att + "a0", width),
                parameters.adapter(att + "a1", width, aSize),
                parameters.adapter(att + "a2", aSize, width),
                parameters.adapter(att + "g1", width, gSize),
                parameters.adapter(att + "g2", gSize, width),
                valueResidual(parameters, i, att),
                parameters.vector(att + "k_k", width),
                parameters.vector(att + "k_a", width),
                parameters.flattened(att + "r_k", config.heads(), config.headSize()),
                parameters.norm(att + "ln_x", width, GN_EPS),
                parameters.norm(block + "ln2", width, LN_EPS),
                parameters.vector(ffn + "x_k", width),
                parameters.matrix(ffn + "key.weight", config.ffnSize(), width),
                parameters.matrix(ffn + "value.weight", width, config.ffnSize()),
                stateLayout.vector(att + "shift", width),
                parameters.matrices(stateLayout, att, config.heads(), config.headSize()),
                stateLayout.vector(ffn + "shift", width));
    }

    private @Nullable ValueResidual valueResidual(Parameters parameters, int i, String att) {
        if (i == 0) {
            // Some files hold them, nobody uses them.
            parameters.ignore(att + "v0");
            parameters.ignore(att + "v1");
            parameters.ignore(att + "v2");
            return null;
        }
        int width = config.embeddingSize();
        int rank = parameters.shape("blocks.1.att.v1", 2)[1];
        return new ValueResidual(
                parameters.adapter(att + "v1", width, rank),
                parameters.vector(att + "v0", width),
                parameters.adapter(att + "v2", rank, width));
    }

    @Override
    public void forward(Batch batch) {
        ends.embed(batch);
        for (Layer layer : layers) {
            timeMixing(batch, layer);
            channelMixing(batch, layer);
        }
        ends.head(batch);
    }

    private void timeMixing(Batch batch, Layer l) {
        int rows = batch.rows();
        ValueResidual residual = l.valueResidual;
        Wkv7 t = residual == null ? firstLayer : laterLayers;

        compute.layerNorm(rows, x, l.ln1, y);
        compute.tokenShift(batch, l.attShift, y, l.x_rwkvag, mixed);
        Buffer xr = mixed[0];
        Buffer xw = mixed[1];
        Buffer xk = mixed[2];
        Buffer xv = mixed[3];
        Buffer xa = mixed[4];
        Buffer xg = mixed[5];

        // Receptance, key, value, and the way down of the low-rank adapters.
        products.clear()
                .add(l.receptance, xr, t.r())
                .add(l.key, xk, t.k())
                .add(l.value, xv, t.v())
                .add(l.w1, xw, wRank, TANH)
                .add(l.a1, xa, aRank)
                .add(l.g1, xg, gRank, SIGMOID);
        if (residual != null) {
            products.add(residual.v1, xv, vRank);
        }
        compute.multiply(rows, products);

        // The way up: decay, in-context learning rate, gate, and how much of the first layer's value to take.
        products.clear()
                .add(l.w2, wRank, l.w0, t.w(), DECAY7)
                .add(l.a2, aRank, l.a0, t.a(), SIGMOID)
                .add(l.g2, gRank, g);
        if (residual != null) {
            products.add(residual.v2, vRank, residual.v0, vAmount, SIGMOID);
        }
        compute.multiply(rows, products);
        if (residual != null) {
            compute.interpolate(rows, t.v(), vFirst, vAmount);
        }

        compute.keys7(rows, config.headSize(), t, l.k_k, l.k_a);
        compute.wkv7(batch, l.attState, config.headSize(), t, o);
        compute.headNorm7(rows, config.headSize(), o, l.ln_x, t, l.r_k, g);
        compute.multiply(rows, products.clear().add(l.output, o, x, ADD));
    }

    private void channelMixing(Batch batch, Layer l) {
        int rows = batch.rows();
        compute.layerNorm(rows, x, l.ln2, y);
        compute.tokenShift(batch, l.ffnShift, y, l.ffn_x_k, ffnMixed);
        compute.multiply(rows, products.clear().add(l.ffn_key, ffnMixed[0], hidden, RELU_SQUARED));
        compute.multiply(rows, products.clear().add(l.ffn_value, hidden, x, ADD));
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
