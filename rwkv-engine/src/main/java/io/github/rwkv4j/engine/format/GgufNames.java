package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Gives the tensors of llama.cpp's RWKV-6 and RWKV-7 their official names and shapes (spec: formats, section c). Unknown
 * names stay, and are refused later, by name.
 */
final class GgufNames {
    private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d+)\\.(.+?)\\.(weight|bias)");

    private static final Map<String, String> WHOLE = Map.of(
            "token_embd.weight", "emb.weight",
            "token_embd_norm.weight", "blocks.0.ln0.weight",
            "token_embd_norm.bias", "blocks.0.ln0.bias",
            "output_norm.weight", "ln_out.weight",
            "output_norm.bias", "ln_out.bias",
            "output.weight", "head.weight");

    /** Parts of a block that keep their shape. */
    private static final Map<String, String> PARTS = Map.ofEntries(
            Map.entry("attn_norm", "ln1"),
            Map.entry("attn_norm_2", "ln2"),
            Map.entry("time_mix_ln", "att.ln_x"),
            Map.entry("time_mix_receptance", "att.receptance"),
            Map.entry("time_mix_key", "att.key"),
            Map.entry("time_mix_value", "att.value"),
            Map.entry("time_mix_gate", "att.gate"),
            Map.entry("time_mix_output", "att.output"),
            Map.entry("channel_mix_receptance", "ffn.receptance"),
            Map.entry("channel_mix_key", "ffn.key"),
            Map.entry("channel_mix_value", "ffn.value"));

    private static final String[] MIXES_6 = {"w", "k", "v", "r", "g"};

    private final boolean seven;
    private final long headSize;
    private final long rescale;
    private final Rearrangement rearrangement;
    private final TensorTable official = new TensorTable();

    private GgufNames(boolean seven, long headSize, long rescale, Rearrangement rearrangement) {
        this.seven = seven;
        this.headSize = headSize;
        this.rescale = rescale;
        this.rearrangement = rearrangement;
    }

    /**
     * The names of a file's architecture.
     *
     * @throws CheckpointException if the engine does not run it
     */
    static GgufNames of(GgufMetadata metadata, Rearrangement rearrangement) {
        String architecture = metadata.values().getOrDefault("general.architecture", "");
        boolean seven = architecture.equals("rwkv7");
        if (!seven && !architecture.equals("rwkv6")) {
            throw new CheckpointException("is a GGUF model of the architecture %s; expected rwkv6 or rwkv7, %s"
                    .formatted(
                            quoted(architecture),
                            architecture.equals("arwkv7") || architecture.equals("rwkv6qwen2")
                                    ? "a hybrid with a Qwen Transformer is another network"
                                    : "name an RWKV model"));
        }
        long headSize = metadata.number(architecture + ".wkv.head_size", 64);
        long rescale = metadata.number(architecture + ".rescale_every_n_layers", 0);
        if (headSize < 1 || rescale < 0) {
            throw damaged("GGUF metadata has a head size of %d and rescales every %d layers; expected at least 1 and 0"
                    .formatted(headSize, rescale));
        }
        return new GgufNames(seven, headSize, rescale, rearrangement);
    }

    /** The tensors added so far, by their official names. */
    Map<String, Tensor> tensors() {
        return official.tensors();
    }

    void add(Tensor tensor) {
        Matcher block = BLOCK.matcher(tensor.name());
        if (!block.matches()) {
            add(tensor, WHOLE.getOrDefault(tensor.name(), tensor.name()));
            return;
        }
        String prefix = "blocks." + block.group(1) + ".";
        String part = PARTS.get(block.group(2));
        if (part != null) {
            addPart(tensor, block.group(1), prefix + part + "." + block.group(3));
        } else if (block.group(3).equals("bias")) {
            official.add(tensor);
        } else if (seven) {
            add7(tensor, prefix, block.group(2));
        } else {
            add6(tensor, prefix, block.group(2));
        }
    }

    /**
     * Undoes what a converter did so that float16 activations stay in range: it divided what block b adds to the residual
     * stream by 2^(b div n), to be run with a stream that is halved after every n blocks.
     */
    private void addPart(Tensor tensor, String block, String name) {
        if (rescale > 0 && (name.endsWith("att.output.weight") || name.endsWith("ffn.value.weight"))) {
            long halvings = blockNumber(tensor, block) / rescale;
            if (halvings > 0) {
                official.add(rearrangement.scaled(tensor, name, Math.scalb(1f, (int) Math.min(halvings, 200))));
                return;
            }
        }
        add(tensor, name);
    }

    private static int blockNumber(Tensor tensor, String digits) {
        if (digits.length() > 4) {
            throw damaged(
                    "tensor %s belongs to block %s; expected at most 9999".formatted(quoted(tensor.name()), digits));
        }
        return Integer.parseInt(digits);
    }

    private void add7(Tensor tensor, String block, String part) {
        String att = block + "att.";
        switch (part) {
            case "time_mix_lerp_fused" -> addMixes(tensor, att + "x_", TensorTable.MIXES_7);
            case "time_mix_w0", "time_mix_a0", "time_mix_v0", "time_mix_k_k", "time_mix_k_a" -> {
                if (!isDummy(block, part)) {
                    official.add(Rearrangement.vector(tensor, att + part.substring("time_mix_".length())));
                }
            }
            case "time_mix_w1",
                    "time_mix_w2",
                    "time_mix_a1",
                    "time_mix_a2",
                    "time_mix_v1",
                    "time_mix_v2",
                    "time_mix_g1",
                    "time_mix_g2" -> {
                if (!isDummy(block, part)) {
                    official.add(rearrangement.transposed(tensor, att + part.substring("time_mix_".length())));
                }
            }
            case "time_mix_r_k" -> official.add(Rearrangement.reshaped(tensor, att + "r_k", heads(tensor), headSize));
            case "channel_mix_lerp_k" -> official.add(Rearrangement.vector(tensor, block + "ffn.x_k"));
            default -> official.add(tensor);
        }
    }

    /** The first block has no value residual; the converter fills its place with copies of a0, a1 and a2. */
    private static boolean isDummy(String block, String part) {
        return block.equals("blocks.0.") && part.startsWith("time_mix_v");
    }

    private void add6(Tensor tensor, String block, String part) {
        String att = block + "att.";
        switch (part) {
            case "time_mix_lerp_fused" -> addMixes(tensor, att + "time_maa_", MIXES_6);
            case "time_mix_lerp_x",
                    "time_mix_lerp_w",
                    "time_mix_lerp_k",
                    "time_mix_lerp_v",
                    "time_mix_lerp_r",
                    "time_mix_lerp_g" ->
                official.add(Rearrangement.vector(tensor, att + "time_maa_" + part.charAt(part.length() - 1)));
            case "time_mix_w1", "time_mix_w2" ->
                official.add(
                        rearrangement.transposed(tensor, att + "time_maa_" + part.substring("time_mix_".length())));
            case "time_mix_decay" -> official.add(Rearrangement.vector(tensor, att + "time_decay"));
            case "time_mix_decay_w1", "time_mix_decay_w2" ->
                official.add(rearrangement.transposed(tensor, att + part.replaceFirst("time_mix", "time")));
            case "time_mix_first" ->
                official.add(Rearrangement.reshaped(tensor, att + "time_faaaa", heads(tensor), headSize));
            case "channel_mix_lerp_k" -> official.add(Rearrangement.vector(tensor, block + "ffn.time_maa_k"));
            case "channel_mix_lerp_r" -> official.add(Rearrangement.vector(tensor, block + "ffn.time_maa_r"));
            default -> official.add(tensor);
        }
    }

    private long heads(Tensor tensor) {
        if (tensor.elements() % headSize != 0) {
            throw damaged("tensor %s has shape %s; expected whole heads of %d"
                    .formatted(quoted(tensor.name()), Arrays.toString(tensor.shape()), headSize));
        }
        return tensor.elements() / headSize;
    }

    private void addMixes(Tensor tensor, String prefix, String[] mixes) {
        official.addMixes(tensor, prefix, mixes, tensor.shape()[tensor.shape().length - 1]);
    }

    private void add(Tensor tensor, String name) {
        official.add(Rearrangement.reshaped(tensor, name, tensor.shape()));
    }
}
