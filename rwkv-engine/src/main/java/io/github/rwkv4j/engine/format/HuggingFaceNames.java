package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Gives tensors that carry the names of Hugging Face's RWKV-4 to 6 or of flash-linear-attention's RWKV-6 and 7 their
 * official names and shapes (spec: formats, section b). Official names stay; so do unknown ones, which are refused later,
 * by name.
 */
final class HuggingFaceNames {
    private static final Pattern HF_BLOCK = Pattern.compile("rwkv\\.blocks\\.(\\d+)\\.(.+)");
    private static final Pattern FLA_LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\.(.+)");
    private static final Pattern ADAPTER = Pattern.compile("attn\\.([wavg])_lora\\.lora\\.([02])\\.(weight|bias)");
    private static final Pattern PROJECTION = Pattern.compile("attn\\.([rkvgo])_proj(\\.linear)?\\.weight");
    private static final Pattern LOW_RANK =
            Pattern.compile("blocks\\.\\d+\\.att\\.([wavg][12]|time_maa_w[12]|time_decay_w[12])");

    /** In a tensor that holds RWKV-6's mixes, their order, and where each of the official order w, k, v, r, g stands in it. */
    private static final String[] MIXES_6 = {"r", "w", "k", "v", "g"};

    private static final int[] OFFICIAL_6 = {1, 2, 3, 0, 4};

    private static final Map<String, String> FLA_WHOLE = Map.of(
            "model.embeddings.weight", "emb.weight",
            "model.norm.weight", "ln_out.weight",
            "model.norm.bias", "ln_out.bias",
            "lm_head.weight", "head.weight");

    private static final Map<String, String> FLA_NORMS =
            Map.of("pre_norm", "ln0", "attn_norm", "ln1", "ffn_norm", "ln2", "attn.g_norm", "att.ln_x");

    private static final Map<String, String> PROJECTIONS =
            Map.of("r", "receptance", "k", "key", "v", "value", "g", "gate", "o", "output");

    private static final Set<String> VECTORS_7 =
            Set.of("attn.x_r", "attn.x_w", "attn.x_k", "attn.x_v", "attn.x_a", "attn.x_g", "attn.k_k", "attn.k_a");

    private final Rearrangement rearrangement;
    private final TensorTable official = new TensorTable();

    private HuggingFaceNames(Arena arena) {
        this.rearrangement = new Rearrangement(arena);
    }

    /** The tensors under their official names; those of {@code tensors} where they have them already. */
    static Map<String, Tensor> toOfficial(Map<String, Tensor> tensors, Arena arena) {
        HuggingFaceNames names = new HuggingFaceNames(arena);
        if (tensors.containsKey("rwkv.embeddings.weight")) {
            tensors.values().forEach(names::addHuggingFace);
        } else if (tensors.containsKey("model.layers.0.attn.r_k")) {
            tensors.values().forEach(names::addFla7);
        } else if (tensors.containsKey("model.layers.0.attn.x_proj.0.mu")) {
            tensors.values().forEach(names::addFla6);
        } else if (tensors.get("emb.weight") instanceof Tensor emb && emb.shape().length == 2) {
            tensors.values().forEach(tensor -> names.addOriented(tensor, emb.shape()[1]));
        } else {
            return tensors;
        }
        return names.official.tensors();
    }

    /** Some converters transposed the low-rank adapters: the one that reads the embedding has its width first. */
    private void addOriented(Tensor tensor, long width) {
        long[] shape = tensor.shape();
        int rank = shape.length;
        if (rank >= 2 && LOW_RANK.matcher(tensor.name()).matches()) {
            boolean down = tensor.name().endsWith("1");
            long outer = shape[down ? rank - 2 : rank - 1];
            long inner = shape[down ? rank - 1 : rank - 2];
            if (outer != width && inner == width) {
                official.add(rearrangement.transposed(tensor, tensor.name()));
                return;
            }
        }
        official.add(tensor);
    }

    private void addHuggingFace(Tensor tensor) {
        Matcher block = HF_BLOCK.matcher(tensor.name());
        if (!block.matches()) {
            String name =
                    tensor.name().replaceFirst("^rwkv\\.embeddings\\.", "emb.").replaceFirst("^rwkv\\.", "");
            add(tensor, name);
            return;
        }
        String name = block.group(2)
                .replaceFirst("^pre_ln\\.", "ln0.")
                .replaceFirst("^attention\\.", "att.")
                .replaceFirst("^feed_forward\\.", "ffn.")
                .replaceFirst("time_mix_key$", "time_mix_k")
                .replaceFirst("time_mix_value$", "time_mix_v")
                .replaceFirst("time_mix_receptance$", "time_mix_r")
                .replaceFirst("time_mix_gate$", "time_mix_g");
        add(tensor, "blocks." + block.group(1) + "." + name);
    }

    /** What both generations have in common; false where the name is another. */
    private boolean addFla(Tensor tensor, Matcher layer) {
        if (!layer.matches()) {
            add(tensor, FLA_WHOLE.getOrDefault(tensor.name(), tensor.name()));
            return true;
        }
        String block = "blocks." + layer.group(1) + ".";
        String name = layer.group(2);
        int dot = name.lastIndexOf('.');
        String norm = dot < 0 ? null : FLA_NORMS.get(name.substring(0, dot));
        Matcher projection = PROJECTION.matcher(name);
        if (norm != null) {
            add(tensor, block + norm + name.substring(dot));
        } else if (projection.matches()) {
            add(tensor, block + "att." + PROJECTIONS.get(projection.group(1)) + ".weight");
        } else if (name.equals("ffn.value.weight")) {
            add(tensor, block + name);
        } else {
            return false;
        }
        return true;
    }

    private void addFla7(Tensor tensor) {
        Matcher layer = FLA_LAYER.matcher(tensor.name());
        if (addFla(tensor, layer)) {
            return;
        }
        String block = "blocks." + layer.group(1) + ".";
        String name = layer.group(2);
        Matcher adapter = ADAPTER.matcher(name);
        if (adapter.matches()) {
            String letter = block + "att." + adapter.group(1);
            if (adapter.group(3).equals("bias")) {
                official.add(Rearrangement.vector(tensor, letter + "0"));
            } else {
                official.add(rearrangement.transposed(
                        tensor, letter + (adapter.group(2).equals("0") ? "1" : "2")));
            }
        } else if (VECTORS_7.contains(name)) {
            official.add(Rearrangement.vector(tensor, block + name.replaceFirst("attn", "att")));
        } else if (name.equals("attn.x_x")) {
            addMixes(tensor, block + "att.x_", TensorTable.MIXES_7);
        } else if (name.equals("ffn.x_k")) {
            official.add(Rearrangement.vector(tensor, block + name));
        } else if (name.equals("attn.r_k")) {
            add(tensor, block + "att.r_k");
        } else if (name.equals("ffn.key.weight")) {
            add(tensor, block + name);
        } else {
            official.add(tensor);
        }
    }

    private void addFla6(Tensor tensor) {
        Matcher layer = FLA_LAYER.matcher(tensor.name());
        if (addFla(tensor, layer)) {
            return;
        }
        String att = "blocks." + layer.group(1) + ".att.";
        String ffn = "blocks." + layer.group(1) + ".ffn.";
        switch (layer.group(2)) {
            case "attn.x_proj.0.mu" -> official.add(Rearrangement.vector(tensor, att + "time_maa_x"));
            case "attn.x_proj.0.linear.weight" -> official.add(mixesDown(tensor, att + "time_maa_w1"));
            case "attn.x_proj.2.weight" -> official.add(mixesUp(tensor, att + "time_maa_w2"));
            case "attn.x_bias" -> addMixes(tensor, att + "time_maa_", MIXES_6);
            case "attn.w_proj.linear.lora.0.weight" ->
                official.add(rearrangement.transposed(tensor, att + "time_decay_w1"));
            case "attn.w_proj.linear.lora.2.weight" ->
                official.add(rearrangement.transposed(tensor, att + "time_decay_w2"));
            case "attn.w_proj.linear.lora.2.bias" -> official.add(Rearrangement.vector(tensor, att + "time_decay"));
            case "attn.bonus" -> add(tensor, att + "time_faaaa");
            case "ffn.key.linear.weight" -> add(tensor, ffn + "key.weight");
            case "ffn.receptance.linear.weight" -> add(tensor, ffn + "receptance.weight");
            case "ffn.key.mu" -> official.add(Rearrangement.vector(tensor, ffn + "time_maa_k"));
            case "ffn.receptance.mu" -> official.add(Rearrangement.vector(tensor, ffn + "time_maa_r"));
            default -> official.add(tensor);
        }
    }

    /** [5 D, C] with the groups in flash-linear-attention's order, to [C, 5 D] in the official one. */
    private Tensor mixesDown(Tensor tensor, String name) {
        long[] shape = Rearrangement.requireRank(tensor, 2, 2);
        long width = shape[1];
        long rank = groupSize(tensor, shape[0]);
        return rearrangement.copied(tensor, name, new long[] {width, 5 * rank}, i -> {
            long column = i % (5 * rank);
            return (OFFICIAL_6[(int) (column / rank)] * rank + column % rank) * width + i / (5 * rank);
        });
    }

    /** [C, 5 D], five transposed matrices side by side, to [5, D, C]. */
    private Tensor mixesUp(Tensor tensor, String name) {
        long[] shape = Rearrangement.requireRank(tensor, 2, 2);
        long width = shape[0];
        long rank = groupSize(tensor, shape[1]);
        return rearrangement.copied(tensor, name, new long[] {5, rank, width}, i -> {
            long group = OFFICIAL_6[(int) (i / (rank * width))];
            return i % width * (5 * rank) + group * rank + i / width % rank;
        });
    }

    private static long groupSize(Tensor tensor, long five) {
        if (five % 5 != 0) {
            throw damaged("tensor %s has shape %s; expected a multiple of 5"
                    .formatted(quoted(tensor.name()), Arrays.toString(tensor.shape())));
        }
        return five / 5;
    }

    private void addMixes(Tensor tensor, String prefix, String[] mixes) {
        official.addMixes(tensor, prefix, mixes, tensor.elements() / mixes.length);
    }

    private void add(Tensor tensor, String name) {
        official.add(Rearrangement.reshaped(tensor, name, tensor.shape()));
    }
}
