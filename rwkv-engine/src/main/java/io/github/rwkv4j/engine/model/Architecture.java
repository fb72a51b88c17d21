package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** The networks that the engine runs, told apart by the names of their parameters, and by shapes where names are the same. */
public enum Architecture {
    RWKV_1("RWKV-1"),
    RWKV_2("RWKV-2"),
    RWKV_3("RWKV-3"),
    RWKV_4("RWKV-4"),
    RWKV_5_0("RWKV-5.0"),
    RWKV_5_1("RWKV-5.1"),
    RWKV_5_2("RWKV-5.2"),
    RWKV_6("RWKV-6"),
    RWKV_7("RWKV-7");

    private static final Pattern TIME_DECAY = Pattern.compile("blocks\\.\\d+\\.att\\.time_decay");

    /** What is known and not run, by a parameter that only it has; relatives hold all that their ancestors hold. */
    private static final Map<String, String> OTHERS = new LinkedHashMap<>();

    static {
        OTHERS.put("blocks.0.qkv.qq.weight", "RWKV-7b (deep-embed attention)");
        OTHERS.put("blocks.0.ffn.s_emb.weight", "RWKV-7a (DeepEmbed)");
        OTHERS.put("blocks.0.ffn.enn.weight", "an early RWKV-8");
        OTHERS.put("blocks.0.att.gate_w1", "an experimental relative of RWKV-6 (x060a, low-rank gate)");
        OTHERS.put("blocks.0.att.time_maa_rkvw_w1", "an experimental relative of RWKV-6 (x060b or x060c, no gate)");
        OTHERS.put("model.layers.0.attn.r_k", "RWKV-7 with the names of flash-linear-attention");
        OTHERS.put("model.layers.0.self_attn.time_maa_x", "a hybrid of RWKV-6 and Qwen2");
        OTHERS.put("model.layers.0.self_attn.r_k", "a hybrid of RWKV-7 and a Transformer");
        OTHERS.put("rwkv.blocks.0.ln1.weight", "an RWKV model with the names of Hugging Face");
        OTHERS.put("model.layers.0.self_attn.q_proj.weight", "a Transformer");
        OTHERS.put("model.layers.0.self_attn.qkv_proj.weight", "a Transformer");
        OTHERS.put("layers.0.attention.wq.weight", "a Transformer (Llama)");
        OTHERS.put("gpt_neox.layers.0.attention.query_key_value.weight", "a Transformer (GPT-NeoX)");
        OTHERS.put("transformer.h.0.attn.c_attn.weight", "a Transformer (GPT-2)");
        OTHERS.put("h.0.attn.c_attn.weight", "a Transformer (GPT-2)");
        OTHERS.put("bert.encoder.layer.0.attention.self.query.weight", "a Transformer (BERT)");
        OTHERS.put("encoder.layer.0.attention.self.query.weight", "a Transformer (BERT)");
        OTHERS.put("encoder.block.0.layer.0.SelfAttention.q.weight", "a Transformer (T5)");
        OTHERS.put("blk.0.attn_q.weight", "a Transformer");
        OTHERS.put("backbone.layers.0.mixer.A_log", "Mamba");
        OTHERS.put("model.layers.0.mixer.A_log", "Mamba");
        OTHERS.put("blk.0.ssm_a", "Mamba");
        OTHERS.put("model.layers.0.attn.A_log", "Gated DeltaNet");
    }

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
    public static Architecture recognise(Map<String, Tensor> tensors) {
        OTHERS.forEach((sign, what) -> {
            if (tensors.containsKey(sign)) {
                throw new CheckpointException(
                        "This is %s (it has %s); this version runs RWKV-1 to RWKV-7 with their official parameter names"
                                .formatted(what, sign));
            }
        });
        if (tensors.containsKey("blocks.0.att.r_k")) {
            return RWKV_7;
        }
        if (tensors.containsKey("blocks.0.att.time_maa_x")) {
            return RWKV_6;
        }
        Optional<Tensor> timeDecay = tensors.values().stream()
                .filter(tensor -> TIME_DECAY.matcher(tensor.name()).matches())
                .findFirst();
        if (timeDecay.isPresent()) {
            return tensors.containsKey("blocks.0.att.ln_x.weight")
                    ? withHeads(tensors, timeDecay.get())
                    : withoutHeads(tensors, timeDecay.get());
        }
        if (tensors.containsKey("tok_emb.weight") && tensors.containsKey("blocks.0.attn.time_w")) {
            return RWKV_1;
        }
        throw new CheckpointException(
                "These are not the weights of an RWKV model: of %d tensors, such as %s, none tells a generation; expected blocks.0.att.r_k (RWKV-7), blocks.0.att.time_maa_x (RWKV-6) a time_decay (RWKV-2 to RWKV-5), or an attn.time_w (RWKV-1)"
                        .formatted(
                                tensors.size(),
                                tensors.keySet().stream().findFirst().orElse("none at all")));
    }

    /** RWKV-5 decays by head at first, and from 5.2 on by head and key channel. */
    private static Architecture withHeads(Map<String, Tensor> tensors, Tensor timeDecay) {
        if (!tensors.containsKey("blocks.0.att.gate.weight")) {
            return RWKV_5_0;
        }
        Tensor groupNorm = tensors.getOrDefault("blocks.0.att.ln_x.weight", timeDecay);
        return timeDecay.elements() == groupNorm.elements() ? RWKV_5_2 : RWKV_5_1;
    }

    /** The layer norm of the embedding came with RWKV-3; RWKV-4 stores decays as [C], those before as [C, 1]. */
    private static Architecture withoutHeads(Map<String, Tensor> tensors, Tensor timeDecay) {
        if (!tensors.containsKey("blocks.0.ln0.weight")) {
            return RWKV_2;
        }
        long[] shape = timeDecay.shape();
        return shape.length == 2 && shape[1] == 1 ? RWKV_3 : RWKV_4;
    }
}
