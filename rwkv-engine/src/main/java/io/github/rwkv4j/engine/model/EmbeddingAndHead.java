package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.Buffer;
import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.Embedding;
import io.github.rwkv4j.engine.compute.Matrix;
import io.github.rwkv4j.engine.compute.Norm;
import io.github.rwkv4j.engine.compute.Products;
import io.github.rwkv4j.engine.compute.StateLayout;
import org.jspecify.annotations.Nullable;

/**
 * The two ends of every network from RWKV-2 on: the embedding, whose norm came with RWKV-3, and the last norm with the
 * head, to which the oldest add a copy head: what follows here followed there.
 */
final class EmbeddingAndHead {
    private static final float LN_EPS = 1e-5f;

    /** Looks up the words of the past that were read where the words are as they are now. */
    private record CopyHead(Matrix head_q, Matrix head_k, Buffer y, Buffer queries, Buffer keys) {}

    private final Compute compute;
    private final Embedding emb;
    private final @Nullable Norm ln0;
    private final Norm ln_out;
    private final Matrix head;
    private final @Nullable CopyHead copyHead;
    private final Products products = new Products();
    private final Buffer x;
    private final Buffer selected;
    private final Buffer features;
    private final Buffer logits;

    /** Declares the history of a copy head, which comes before all other parts of the state. */
    EmbeddingAndHead(Compute compute, Parameters parameters, StateLayout stateLayout, ModelConfig config) {
        this.compute = compute;
        int width = config.embeddingSize();
        int vocabulary = config.vocabularySize();
        int maxRows = parameters.options().maxRows();
        int maxLogits = parameters.options().maxLogits();
        emb = parameters.embedding("emb.weight", vocabulary, width);
        ln0 = config.architecture() == Architecture.RWKV_2 ? null : parameters.norm("blocks.0.ln0", width, LN_EPS);
        ln_out = parameters.norm("ln_out", width, LN_EPS);
        head = parameters.matrix("head.weight", vocabulary, width);
        copyHead = parameters.has("head_q.weight") ? copyHead(parameters, stateLayout, width) : null;
        x = compute.buffer(maxRows, width);
        selected = compute.buffer(maxLogits, width);
        features = compute.buffer(maxRows, width);
        logits = compute.buffer(maxLogits, vocabulary);
    }

    private CopyHead copyHead(Parameters parameters, StateLayout stateLayout, int width) {
        ModelOptions options = parameters.options();
        int size = parameters.shape("head_q.weight", 2)[0];
        int window = options.copyWindow();
        if (parameters.has("copy_mask")) {
            // A triangle of ones that training needs; only its size matters.
            window = window == 0 ? parameters.shape("copy_mask", 2)[0] : window;
            parameters.ignore("copy_mask");
        }
        stateLayout.history(size + 1, window);
        return new CopyHead(
                parameters.matrix("head_q.weight", size, width),
                parameters.matrix("head_k.weight", size, width),
                compute.buffer(options.maxRows(), width),
                compute.buffer(options.maxLogits(), size),
                compute.buffer(options.maxRows(), size));
    }

    /** The residual stream, which {@link #embed} fills and {@link #head} reads. */
    Buffer x() {
        return x;
    }

    void embed(Batch batch) {
        compute.embed(batch, emb, x);
        if (ln0 != null) {
            compute.layerNorm(batch.rows(), x, ln0, x);
        }
    }

    void head(Batch batch) {
        compute.gather(batch.featureRows(), batch.featureCount(), x, features);
        compute.layerNorm(batch.featureCount(), features, ln_out, features);
        compute.gather(batch.logitRows(), batch.logitCount(), x, selected);
        compute.layerNorm(batch.logitCount(), selected, ln_out, selected);
        products.clear().add(head, selected, logits);
        if (copyHead == null) {
            compute.multiply(batch.logitCount(), products);
        } else {
            compute.multiply(batch.logitCount(), products.add(copyHead.head_q, selected, copyHead.queries));
            compute.layerNorm(batch.rows(), x, ln_out, copyHead.y);
            compute.multiply(batch.rows(), products.clear().add(copyHead.head_k, copyHead.y, copyHead.keys));
            compute.copyHead(batch, 0, copyHead.keys, copyHead.queries, logits);
        }
    }

    Buffer logits() {
        return logits;
    }

    Buffer features() {
        return features;
    }
}
