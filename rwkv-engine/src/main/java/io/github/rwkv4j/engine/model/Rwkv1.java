package io.github.rwkv4j.engine.model;

import static io.github.rwkv4j.engine.compute.Epilogue.MISH;
import static io.github.rwkv4j.engine.compute.Epilogue.MULTIPLY;
import static io.github.rwkv4j.engine.compute.Epilogue.NONE;
import static io.github.rwkv4j.engine.compute.Epilogue.SIGMOID;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Epilogue;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.Rkv;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.Windows;
import java.util.Arrays;

/**
 * RWKV-1 (2021; RWKV-LM, {@code RWKV-v1}): a weighted mean over all positions of the past, with trained weights by
 * distance and position, and so no further than its context length. Names are those of the official checkpoints.
 *
 * <p>The state of a layer is the row before of both time shifts and the sum of the keys; behind it lies one row for each
 * position: k · v of all layers, the key of the copy head and the token.
 */
public final class Rwkv1 implements Model {
    private static final float LN_EPS = 1e-5f;

    /** A linear map with a bias. */
    private record Linear(Matrix weight, Buffer bias) {}

    private record Layer(
            Norm ln1,
            Windows windows,
            Buffer time_gamma,
            Linear key,
            Linear value,
            Linear receptance,
            Linear output,
            StateLayout.Part attShift,
            StateLayout.Part sums,
            int history,
            Norm ln2,
            Linear mlpKey,
            Linear mlpValue,
            Linear mlpReceptance,
            Linear mlpWeight,
            StateLayout.Part mlpShift) {}

    private final Compute compute;
    private final ModelConfig config;
    private final StateLayout stateLayout = new StateLayout();
    private final Embedding tok_emb;
    private final Buffer halfShift;
    private final Layer[] layers;
    private final Norm ln_f;
    private final Buffer time_out;
    private final Matrix head;
    private final Linear head_q;
    private final Linear head_k;

    private final Products products = new Products();
    private final Buffer x;
    private final Buffer y;
    private final Buffer[] shifted;
    private final Rkv t;
    private final Buffer wkv;
    private final Buffer hidden;
    private final Buffer gated;
    private final Buffer features;
    private final Buffer selected;
    private final Buffer queries;
    private final Buffer keys;
    private final Buffer logits;

    Rwkv1(Compute compute, Parameters parameters) {
        this.compute = compute;
        config = configOf(parameters);
        int width = config.embeddingSize();
        int vocabulary = config.vocabularySize();
        int attention = config.attentionSize();
        int copySize = parameters.shape("head_q.weight", 2)[0];
        stateLayout.history(config.layers() * attention + copySize + 1, config.contextLength());
        tok_emb = parameters.embedding("tok_emb.weight", vocabulary, width);
        halfShift = parameters.constant(firstHalf(width));
        layers = new Layer[config.layers()];
        for (int i = 0; i < layers.length; i++) {
            layers[i] = layer(parameters, i);
        }
        ln_f = parameters.norm("ln_f", width, LN_EPS);
        time_out = parameters.vector("time_out", config.contextLength());
        head = parameters.matrix("head.weight", vocabulary, width);
        head_q = linear(parameters, "head_q", copySize, width);
        head_k = linear(parameters, "head_k", copySize, width);
        parameters.ignore("copy_mask");

        x = parameters.buffer(width);
        y = parameters.buffer(width);
        shifted = parameters.buffers(1, width);
        t = new Rkv(parameters.buffer(attention), parameters.buffer(attention), parameters.buffer(attention));
        wkv = parameters.buffer(attention);
        hidden = parameters.buffer(config.ffnSize());
        gated = parameters.buffer(width);
        features = parameters.buffer(width);
        keys = parameters.buffer(copySize);
        int maxLogits = parameters.options().maxLogits();
        selected = compute.buffer(maxLogits, width);
        queries = compute.buffer(maxLogits, copySize);
        logits = compute.buffer(maxLogits, vocabulary);
    }

    private static ModelConfig configOf(Parameters parameters) {
        int[] emb = parameters.shape("tok_emb.weight", 2);
        int[] time_w = parameters.shape("blocks.0.attn.time_w", 2);
        int attention = parameters.shape("blocks.0.attn.key.weight", 2)[0];
        parameters.requireDivisible("blocks.0.attn.time_w", attention, time_w[0]);
        return new ModelConfig(
                Architecture.RWKV_1,
                parameters.layers(),
                emb[1],
                time_w[0],
                attention / time_w[0],
                parameters.shape("blocks.0.mlp.key.weight", 2)[0],
                emb[0],
                time_w[1],
                parameters.count(),
                parameters.dtype("head.weight"));
    }

    /** The time shift takes the first half of the channels from the row before. */
    private static float[] firstHalf(int width) {
        float[] amounts = new float[width];
        Arrays.fill(amounts, 0, width / 2, 1);
        return amounts;
    }

    private Layer layer(Parameters parameters, int i) {
        int width = config.embeddingSize();
        int attention = config.attentionSize();
        int ffnSize = config.ffnSize();
        int heads = config.heads();
        int context = config.contextLength();
        String block = "blocks." + i + ".";
        String attn = block + "attn.";
        String mlp = block + "mlp.";
        return new Layer(
                parameters.norm(block + "ln1", width, LN_EPS),
                new Windows(
                        parameters.table(attn + "time_w", heads, context),
                        parameters.table(attn + "time_alpha", heads, context),
                        parameters.table(attn + "time_beta", heads, context)),
                parameters.vector(attn + "time_gamma", context),
                linear(parameters, attn + "key", attention, width),
                linear(parameters, attn + "value", attention, width),
                linear(parameters, attn + "receptance", attention, width),
                linear(parameters, attn + "output", width, attention),
                stateLayout.vector(attn + "shift", width),
                stateLayout.vector(attn + "sums", attention),
                i * attention,
                parameters.norm(block + "ln2", width, LN_EPS),
                linear(parameters, mlp + "key", ffnSize, width),
                linear(parameters, mlp + "value", ffnSize, width),
                linear(parameters, mlp + "receptance", width, width),
                linear(parameters, mlp + "weight", width, ffnSize),
                stateLayout.vector(mlp + "shift", width));
    }

    private static Linear linear(Parameters parameters, String name, int out, int in) {
        return new Linear(parameters.matrix(name + ".weight", out, in), parameters.vector(name + ".bias", out));
    }

    @Override
    public void forward(Batch batch) {
        compute.embed(batch, tok_emb, x);
        for (Layer layer : layers) {
            timeMixing(batch, layer);
            channelMixing(batch, layer);
        }
        head(batch);
    }

    private void timeMixing(Batch batch, Layer l) {
        compute.layerNorm(batch.rows(), x, l.ln1, y);
        compute.tokenShift(batch, l.attShift, y, halfShift, shifted);
        Buffer s = shifted[0];
        products.clear();
        add(l.key, s, t.k(), NONE);
        add(l.value, s, t.v(), NONE);
        add(l.receptance, s, t.r(), SIGMOID);
        compute.multiply(batch.rows(), products);
        compute.wkv1(batch, l.sums, l.history, t, l.windows, wkv);
        products.clear();
        add(l.output, wkv, y, NONE);
        compute.multiply(batch.rows(), products);
        compute.scaleByPosition(batch, l.time_gamma, y);
        compute.add(batch.rows(), x, y);
    }

    private void channelMixing(Batch batch, Layer l) {
        compute.layerNorm(batch.rows(), x, l.ln2, y);
        compute.tokenShift(batch, l.mlpShift, y, halfShift, shifted);
        Buffer s = shifted[0];
        products.clear();
        add(l.mlpKey, s, hidden, MISH);
        add(l.mlpReceptance, s, gated, SIGMOID);
        compute.multiply(batch.rows(), products);
        products.clear();
        add(l.mlpValue, s, hidden, MULTIPLY);
        compute.multiply(batch.rows(), products);
        products.clear();
        add(l.mlpWeight, hidden, gated, MULTIPLY);
        compute.multiply(batch.rows(), products);
        compute.add(batch.rows(), x, gated);
    }

    private void head(Batch batch) {
        compute.layerNorm(batch.rows(), x, ln_f, y);
        compute.gather(batch.featureRows(), batch.featureCount(), y, features);
        compute.gather(batch.logitRows(), batch.logitCount(), y, selected);
        products.clear();
        add(head_q, selected, queries, NONE);
        compute.multiply(batch.logitCount(), products);
        products.clear();
        add(head_k, y, keys, NONE);
        compute.multiply(batch.rows(), products);
        compute.scaleByPosition(batch, time_out, y);
        compute.gather(batch.logitRows(), batch.logitCount(), y, selected);
        compute.multiply(batch.logitCount(), products.clear().add(head, selected, logits));
        compute.copyHead(batch, config.layers() * config.attentionSize(), keys, queries, logits);
    }

    private void add(Linear linear, Buffer in, Buffer out, Epilogue epilogue) {
        products.add(linear.weight, in, linear.bias, out, epilogue);
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
        return logits;
    }

    @Override
    public Buffer features() {
        return features;
    }
}
