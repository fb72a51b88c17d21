package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.errors.CheckpointException;
import java.util.Set;

/** The networks, told apart by the names of their parameters alone. */
public enum Architecture {
    RWKV_7("RWKV-7");

    private final String label;

    Architecture(String label) {
        this.label = label;
    }

    /** Such as {@code RWKV-7}. */
    public String label() {
        return label;
    }

    /**
     * Recognises a checkpoint with official parameter names.
     *
     * @throws CheckpointException naming what it is instead, where that is known
     */
    public static Architecture recognise(Set<String> names) {
        // Later relatives of RWKV-7 hold all of its parameters and more: they come first.
        refuse(names, "blocks.0.qkv.qq.weight", "RWKV-7b (deep-embed attention)");
        refuse(names, "blocks.0.ffn.s_emb.weight", "RWKV-7a (DeepEmbed)");
        refuse(names, "blocks.0.ffn.enn.weight", "an early RWKV-8");
        if (names.contains("blocks.0.att.r_k")) {
            return RWKV_7;
        }
        refuse(names, "blocks.0.att.time_maa_x", "RWKV-6");
        refuse(names, "blocks.0.att.ln_x.weight", "RWKV-5");
        refuse(names, "blocks.1.att.time_mix_k", "RWKV-3 or RWKV-4");
        refuse(names, "blocks.1.att.time_mix", "RWKV-2");
        refuse(names, "blocks.0.attn.time_w", "RWKV-1");
        refuse(names, "model.layers.0.attn.r_k", "RWKV-7 with the names of flash-linear-attention");
        refuse(names, "model.layers.0.self_attn.q_proj.weight", "a Transformer");
        throw new CheckpointException("These are not the weights of an RWKV model: of %d tensors none is named %s"
                .formatted(names.size(), "blocks.0.att.r_k, as in every RWKV-7 checkpoint"));
    }

    private static void refuse(Set<String> names, String sign, String what) {
        if (names.contains(sign)) {
            throw new CheckpointException(
                    "This is %s (it has %s); this version runs RWKV-7 with its official parameter names"
                            .formatted(what, sign));
        }
    }
}
