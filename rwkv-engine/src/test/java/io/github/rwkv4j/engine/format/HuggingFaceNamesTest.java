package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointTest.assertClose;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertRefused;
import static io.github.rwkv4j.engine.format.CheckpointTest.assertTensor;
import static io.github.rwkv4j.engine.format.CheckpointTest.tensor;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Golden models under the names of other projects, as the spec's tables give them, come back as they were. */
class HuggingFaceNamesTest {
    @TempDir
    Path folder;

    private final List<Tensor> renamed = new ArrayList<>();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readsFlashLinearAttentionsRwkv7(boolean joinedMixes) {
        try (Checkpoint golden = open("golden/v7/model.safetensors")) {
            golden.tensors().values().forEach(tensor -> {
                String name = flaCommon(tensor.name())
                        .replaceFirst("\\.att\\.([wav])0$", ".attn.$1_lora.lora.2.bias")
                        .replaceFirst("\\.att\\.([wavg])1$", ".attn.$1_lora.lora.0.weight")
                        .replaceFirst("\\.att\\.([wavg])2$", ".attn.$1_lora.lora.2.weight")
                        .replaceFirst("\\.att\\.", ".attn.");
                if (name.contains("_lora.lora.") && name.endsWith("weight")) {
                    add(transposed(tensor, name));
                } else if (name.endsWith("bias") && name.contains("lora") || name.matches(".*\\.(k_k|k_a|ffn\\.x_k)")) {
                    add(shaped(tensor, name, tensor.elements()));
                } else if (joinedMixes && name.matches(".*attn\\.x_[rwkvag]")) {
                    if (name.endsWith("x_r")) {
                        add(joined(golden, tensor.name().replaceFirst("r$", ""), name.replace("x_r", "x_x"), "rwkvag"));
                    }
                } else {
                    add(shaped(tensor, name, tensor.shape()));
                }
            });
            assertThat(renamed.stream().map(Tensor::name))
                    .contains(
                            "model.layers.0.pre_norm.weight",
                            "model.layers.1.attn.v_lora.lora.2.bias",
                            "lm_head.weight")
                    .noneMatch(name -> name.startsWith("blocks") || name.contains(".att."));
            assertReadAs(golden);
        }
    }

    @Test
    void readsFlashLinearAttentionsRwkv6() {
        try (Checkpoint golden = open("golden/v6/model.safetensors")) {
            golden.tensors().values().forEach(tensor -> {
                String name = flaCommon(tensor.name());
                String layer = name.replaceFirst("(model\\.layers\\.\\d+\\.).*", "$1");
                switch (name.substring(layer.length())) {
                    case "att.time_maa_x" -> add(shaped(tensor, layer + "attn.x_proj.0.mu", tensor.elements()));
                    case "att.time_maa_w1" -> add(mixesDown(tensor, layer + "attn.x_proj.0.linear.weight"));
                    case "att.time_maa_w2" -> add(mixesUp(tensor, layer + "attn.x_proj.2.weight"));
                    case "att.time_maa_r" ->
                        add(joined(golden, tensor.name().replaceFirst("r$", ""), layer + "attn.x_bias", "rwkvg"));
                    case "att.time_maa_w", "att.time_maa_k", "att.time_maa_v", "att.time_maa_g" -> {}
                    case "att.time_decay" ->
                        add(shaped(tensor, layer + "attn.w_proj.linear.lora.2.bias", tensor.elements()));
                    case "att.time_decay_w1" -> add(transposed(tensor, layer + "attn.w_proj.linear.lora.0.weight"));
                    case "att.time_decay_w2" -> add(transposed(tensor, layer + "attn.w_proj.linear.lora.2.weight"));
                    case "att.time_faaaa" -> add(shaped(tensor, layer + "attn.bonus", tensor.shape()));
                    case "ffn.key.weight" -> add(shaped(tensor, layer + "ffn.key.linear.weight", tensor.shape()));
                    case "ffn.receptance.weight" ->
                        add(shaped(tensor, layer + "ffn.receptance.linear.weight", tensor.shape()));
                    case "ffn.time_maa_k" -> add(shaped(tensor, layer + "ffn.key.mu", tensor.elements()));
                    case "ffn.time_maa_r" -> add(shaped(tensor, layer + "ffn.receptance.mu", tensor.elements()));
                    default ->
                        add(shaped(
                                tensor,
                                name.replaceFirst("attn\\.([rkvg])_proj", "attn.$1_proj.linear"),
                                tensor.shape()));
                }
            });
            assertReadAs(golden);
        }
    }

    @Test
    void readsHuggingFacesRwkv6() {
        try (Checkpoint golden = open("golden/v6/model.safetensors")) {
            golden.tensors()
                    .values()
                    .forEach(tensor -> add(shaped(tensor, huggingFace(tensor.name()), tensor.shape())));
            assertThat(renamed.stream().map(Tensor::name))
                    .contains(
                            "rwkv.embeddings.weight", "rwkv.blocks.0.pre_ln.bias", "rwkv.ln_out.weight", "head.weight");
            assertReadAs(golden);
        }
    }

    @ParameterizedTest
    @CsvSource({"v4", "v5.2"})
    void readsHuggingFacesRwkv4And5(String generation) {
        try (Checkpoint golden = Checkpoint.open(TestData.shared("golden/" + generation + "/model.safetensors"))) {
            Map<String, String> mixes = Map.of("k", "key", "v", "value", "r", "receptance", "g", "gate");
            golden.tensors().values().forEach(tensor -> {
                String name = huggingFace(tensor.name());
                String mix = name.replaceFirst(".*time_mix_", "");
                if (!mix.equals(name)) {
                    name = name.substring(0, name.length() - mix.length()) + mixes.get(mix);
                }
                add(shaped(tensor, name, tensor.shape()));
            });
            assertThat(renamed.stream().map(Tensor::name)).contains("rwkv.blocks.1.attention.time_mix_receptance");
            assertReadAs(golden);
        }
    }

    @Test
    void turnsAdaptersThatAConverterTransposed() {
        add(numbered("emb.weight", 2, 4));
        add(numbered("blocks.0.att.w1", 3, 4));
        add(numbered("blocks.0.att.w2", 4, 3));
        add(numbered("blocks.0.att.a1", 4, 3));
        add(numbered("blocks.0.att.a2", 3, 4));
        add(numbered("blocks.0.att.time_maa_w2", 1, 4, 2));
        try (Checkpoint checkpoint = write()) {
            float[] turned = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11};
            float[] asWritten = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
            assertTensor(checkpoint, "blocks.0.att.w1", DType.F32, new long[] {4, 3}, turned);
            assertTensor(
                    checkpoint, "blocks.0.att.w2", DType.F32, new long[] {3, 4}, 0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11);
            assertTensor(checkpoint, "blocks.0.att.a1", DType.F32, new long[] {4, 3}, asWritten);
            assertTensor(checkpoint, "blocks.0.att.a2", DType.F32, new long[] {3, 4}, asWritten);
            assertTensor(
                    checkpoint, "blocks.0.att.time_maa_w2", DType.F32, new long[] {1, 2, 4}, 0, 2, 4, 6, 1, 3, 5, 7);
        }
    }

    @Test
    void leavesOtherModelsTheirNames() {
        add(numbered("model.layers.0.self_attn.q_proj.weight", 2, 2));
        add(numbered("model.embeddings.weight", 2, 2));
        try (Checkpoint checkpoint = write()) {
            assertThat(checkpoint.tensors())
                    .containsOnlyKeys("model.layers.0.self_attn.q_proj.weight", "model.embeddings.weight");
        }
    }

    @Test
    void wrongShapesAreRefused() {
        add(numbered("model.layers.0.attn.x_proj.0.mu", 4));
        add(numbered("model.layers.0.attn.x_proj.2.weight", 4, 3));
        assertRefused(file(), "attn.x_proj.2.weight\" has shape [4, 3]; expected a multiple of 5");
        renamed.clear();
        add(numbered("model.layers.0.attn.r_k", 2, 2));
        add(numbered("model.layers.0.attn.x_x", 5, 4));
        assertRefused(file(), "expected 6 × [1, 1, 3]");
        renamed.clear();
        add(numbered("model.layers.0.attn.r_k", 2, 2));
        add(numbered("model.layers.0.attn.w_lora.lora.0.weight", 4));
        assertRefused(file(), "expected 2 to 3 dimensions");
        renamed.clear();
        add(numbered("rwkv.embeddings.weight", 2, 2));
        add(numbered("emb.weight", 2, 2));
        assertRefused(file(), "holds the tensor \"emb.weight\" twice");
    }

    private static String flaCommon(String official) {
        return official.replaceFirst("^emb\\.", "model.embeddings.")
                .replaceFirst("^ln_out\\.", "model.norm.")
                .replaceFirst("^head\\.", "lm_head.")
                .replaceFirst("^blocks\\.", "model.layers.")
                .replaceFirst("\\.ln0\\.", ".pre_norm.")
                .replaceFirst("\\.ln1\\.", ".attn_norm.")
                .replaceFirst("\\.ln2\\.", ".ffn_norm.")
                .replaceFirst("\\.att\\.ln_x\\.", ".attn.g_norm.")
                .replaceFirst("\\.att\\.receptance\\.", ".attn.r_proj.")
                .replaceFirst("\\.att\\.key\\.", ".attn.k_proj.")
                .replaceFirst("\\.att\\.value\\.", ".attn.v_proj.")
                .replaceFirst("\\.att\\.gate\\.", ".attn.g_proj.")
                .replaceFirst("\\.att\\.output\\.", ".attn.o_proj.");
    }

    private static String huggingFace(String official) {
        return official.replaceFirst("^emb\\.", "rwkv.embeddings.")
                .replaceFirst("^ln_out\\.", "rwkv.ln_out.")
                .replaceFirst("^blocks\\.", "rwkv.blocks.")
                .replaceFirst("\\.ln0\\.", ".pre_ln.")
                .replaceFirst("\\.att\\.", ".attention.")
                .replaceFirst("\\.ffn\\.", ".feed_forward.");
    }

    /** [C, 5 D] in the order w, k, v, r, g to [5 D, C] in the order r, w, k, v, g. */
    private static Tensor mixesDown(Tensor tensor, String name) {
        int width = (int) tensor.shape()[0];
        int rank = (int) tensor.shape()[1] / 5;
        float[] values = new float[5 * rank * width];
        for (int group = 0; group < 5; group++) {
            int from = "wkvrg".indexOf("rwkvg".charAt(group));
            for (int d = 0; d < rank; d++) {
                for (int c = 0; c < width; c++) {
                    values[(group * rank + d) * width + c] = tensor.get((long) c * 5 * rank + from * rank + d);
                }
            }
        }
        return floats(name, values, 5L * rank, width);
    }

    /** [5, D, C] to the five transposes side by side, [C, 5 D]. */
    private static Tensor mixesUp(Tensor tensor, String name) {
        int rank = (int) tensor.shape()[1];
        int width = (int) tensor.shape()[2];
        float[] values = new float[5 * rank * width];
        for (int group = 0; group < 5; group++) {
            int from = "wkvrg".indexOf("rwkvg".charAt(group));
            for (int d = 0; d < rank; d++) {
                for (int c = 0; c < width; c++) {
                    values[(c * 5 + group) * rank + d] = tensor.get((long) (from * rank + d) * width + c);
                }
            }
        }
        return floats(name, values, width, 5L * rank);
    }

    private static Tensor joined(Checkpoint golden, String prefix, String name, String order) {
        int width = (int) tensor(golden, prefix + "r").elements();
        float[] values = new float[order.length() * width];
        for (int i = 0; i < order.length(); i++) {
            float[] row = CheckpointTest.values(tensor(golden, prefix + order.charAt(i)));
            System.arraycopy(row, 0, values, i * width, width);
        }
        return floats(name, values, order.length(), width);
    }

    private static Tensor transposed(Tensor tensor, String name) {
        int rows = (int) tensor.shape()[0];
        int columns = (int) tensor.shape()[1];
        float[] values = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                values[j * rows + i] = tensor.get((long) i * columns + j);
            }
        }
        return floats(name, values, columns, rows);
    }

    private static Tensor numbered(String name, long... shape) {
        float[] values = new float[(int) Tensor.elements(shape)];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return floats(name, values, shape);
    }

    private static Tensor floats(String name, float[] values, long... shape) {
        MemorySegment data = MemorySegment.ofArray(new byte[4 * values.length]);
        MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values.length);
        return new Tensor(name, DType.F32, shape, data);
    }

    private static Tensor shaped(Tensor tensor, String name, long... shape) {
        return new Tensor(name, tensor.dtype(), shape, tensor.data());
    }

    private void add(Tensor tensor) {
        renamed.add(tensor);
    }

    private Path file() {
        return Safetensors.write(folder.resolve("model.safetensors"), renamed);
    }

    private Checkpoint write() {
        return Checkpoint.open(file());
    }

    private void assertReadAs(Checkpoint golden) {
        try (Checkpoint found = write()) {
            assertThat(found.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(golden.tensors().keySet());
            golden.tensors().forEach((name, expected) -> assertClose(name, tensor(found, name), expected, 0));
        }
    }

    private static Checkpoint open(String resource) {
        return Checkpoint.open(TestData.resource(resource));
    }
}
