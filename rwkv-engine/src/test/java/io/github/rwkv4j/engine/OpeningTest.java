package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.errors.VocabularyException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.Repository;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is not a model that runs is refused, with words that say what it is and what to do. */
@Timeout(60)
class OpeningTest {
    private static final RandomModel SIZES = new RandomModel(2, 64, 32, 65, 256, 4, 5, 6, 7);
    private static final RwkvOptions OPTIONS =
            RwkvOptions.builder().threads(1).maxSessions(1).prefillRows(1).build();

    @TempDir
    private Path directory;

    @Test
    void saysWhatWasOpened() {
        Path file = SIZES.write(directory.resolve("tiny-model.safetensors"), 1);
        try (Rwkv model = Rwkv.open(file, OPTIONS)) {
            ModelInfo info = model.info();
            assertThat(info.name()).isEqualTo("tiny-model");
            assertThat(info.generation()).isEqualTo("RWKV-7");
            assertThat(info.layers()).isEqualTo(2);
            assertThat(info.embeddingSize()).isEqualTo(64);
            assertThat(info.vocabularySize()).isEqualTo(256);
            assertThat(info.parameters())
                    .isEqualTo(SIZES.tensors(1).values().stream()
                            .mapToLong(Tensor::elements)
                            .sum());
            assertThat(info.weights()).isEqualTo("F16");
            assertThat(info.stateBytes()).isEqualTo(2 * 4 * (64 + 64 * 32 + 64));
            assertThat(info.threads()).isEqualTo(1);
            assertThat(info.implementation()).startsWith("CPU");
        }
    }

    @Test
    void refusesAMissingFile() {
        assertThatThrownBy(() -> Rwkv.open(directory.resolve("absent.safetensors")))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContainingAll("absent.safetensors", "no such file", "check the path");
    }

    @Test
    void refusesADirectoryAndNamesTheModelsInIt() {
        SIZES.write(directory.resolve("some.safetensors"), 1);
        assertRefused(directory, "is a directory", "name the file in it", "some.safetensors");
    }

    @Test
    void refusesATextFile() throws IOException {
        Path file = Files.writeString(directory.resolve("model.safetensors"), "version https://git-lfs.github.com");
        assertRefused(file, "text file", "version https://git-lfs", "download");
    }

    @Test
    void refusesATruncatedFileWhereverItIsCut() throws IOException {
        byte[] whole = Files.readAllBytes(SIZES.write(directory.resolve("whole.safetensors"), 1));
        Path file = directory.resolve("model.safetensors");
        for (int length = 0; length < whole.length; length += 1 + whole.length / 100) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertRefused(file, "download");
        }
        Files.write(file, Arrays.copyOf(whole, whole.length - 1));
        assertRefused(file, "download");
    }

    @Test
    void refusesADamagedFileOrOpensIt() throws IOException {
        byte[] whole = Files.readAllBytes(SIZES.write(directory.resolve("whole.safetensors"), 1));
        int header = whole[0] & 0xFF | (whole[1] & 0xFF) << 8;
        Path file = directory.resolve("model.safetensors");
        Random random = new Random(1);
        int refused = 0;
        for (int i = 0; i < 500; i++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(8 + header)] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, damaged);
            try {
                Rwkv.open(file, OPTIONS).close();
            } catch (RwkvException e) {
                assertThat(e).hasMessageContaining("model.safetensors");
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(400);
    }

    @Test
    void refusesAModelWithoutItsVocabulary() {
        Path world = new RandomModel(1, 32, 32, 32, 65536, 4, 4, 4, 4).write(directory.resolve("w.safetensors"), 1);
        assertThatThrownBy(() -> Rwkv.open(world, OPTIONS))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContainingAll("w.safetensors", "65536", "rwkv_vocab_v20230424.txt", "put");
    }

    @Test
    void refusesAVocabularyThatDoesNotFit() {
        Path file = SIZES.write(directory.resolve("model.safetensors"), 1);
        Path vocabulary = Repository.path("rwkv-engine/src/test/resources/tokenizer/demo.vocab.txt");
        assertThatThrownBy(() -> Rwkv.open(
                        file, RwkvOptions.builder().vocabulary(vocabulary).build()))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContainingAll("demo.vocab.txt", "does not fit", "255", "trained with");
        Path absent = directory.resolve("absent.txt");
        assertThatThrownBy(() ->
                        Rwkv.open(file, RwkvOptions.builder().vocabulary(absent).build()))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContainingAll("absent.txt", "name an existing file");
    }

    @Test
    void namesEachMissingTensor() {
        for (String name : SIZES.tensors(1).keySet()) {
            Map<String, Tensor> tensors = new LinkedHashMap<>(SIZES.tensors(1));
            tensors.remove(name);
            // Without the one that makes it RWKV-7 it could be anything, but what is expected is named.
            assertRefused(write(tensors), name);
        }
    }

    @Test
    void refusesEachTensorOfAnotherShape() {
        for (Tensor tensor : SIZES.tensors(1).values()) {
            for (int dimension = 0; dimension < tensor.shape().length; dimension++) {
                long[] shape = tensor.shape().clone();
                shape[dimension]++;
                assertRefused(write(with(zeros(tensor.name(), tensor.dtype(), shape))), "has shape", "expected");
            }
        }
    }

    @Test
    void refusesEachTensorOfIntegers() {
        for (Tensor tensor : SIZES.tensors(1).values()) {
            assertRefused(write(with(zeros(tensor.name(), DType.I32, tensor.shape()))), tensor.name(), "I32", "float");
        }
    }

    @Test
    void refusesHeadsThatDoNotMakeUpTheWidth() {
        assertRefused(write(with(zeros("blocks.0.att.r_k", DType.F32, new long[] {2, 31}))), "expected");
        assertRefused(write(with(zeros("blocks.0.att.r_k", DType.F32, new long[] {3, 32}))), "expected");
    }

    @Test
    void refusesATensorThatNobodyKnows() {
        assertRefused(
                write(with(zeros("blocks.1.att.mystery", DType.F32, new long[] {64}))),
                "blocks.1.att.mystery",
                "unknown");
    }

    @ParameterizedTest
    @EnumSource
    void refusesWeightsThatAreNoNumbers(Quantization quantization) {
        RwkvOptions options = RwkvOptions.builder().quantization(quantization).build();
        for (Tensor tensor : SIZES.tensors(1).values()) {
            // Rows of this table are read one by one from the file, which would all have to be read to check them.
            if (tensor.name().equals("emb.weight")) {
                continue;
            }
            for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
                MemorySegment data = tensor.data();
                if (tensor.dtype() == DType.F16) {
                    data.set(ValueLayout.JAVA_SHORT_UNALIGNED, data.byteSize() - 2, Float.floatToFloat16(value));
                } else {
                    data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, data.byteSize() - 4, value);
                }
                Path file = write(with(tensor));
                assertThatThrownBy(() -> Rwkv.open(file, options))
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContainingAll("model.safetensors", tensor.name());
            }
        }
    }

    @Test
    void anEmbeddingThatIsNoNumberIsAnErrorOfTheRequestsThatReadIt() {
        Tensor table = SIZES.tensors(1).getOrDefault("emb.weight", zeros("emb.weight", DType.F16, new long[] {0}));
        table.data()
                .set(ValueLayout.JAVA_SHORT_UNALIGNED, table.data().byteSize() - 2, Float.floatToFloat16(Float.NaN));
        try (Rwkv model = Rwkv.open(write(with(table)), OPTIONS)) {
            assertThatThrownBy(() -> model.generate(request(255)))
                    .isInstanceOf(RwkvException.class)
                    .hasMessageContaining("finite");
            assertThat(model.generate(request(254)).tokens()).hasSize(1);
        }
    }

    private static GenerationRequest request(int token) {
        return GenerationRequest.builder()
                .prompt(token)
                .sampling(Sampling.GREEDY)
                .maxTokens(1)
                .build();
    }

    @ParameterizedTest
    @CsvSource({
        "blocks.0.att.gate_w1, x060a",
        "blocks.0.att.time_maa_rkvw_w1, x060b",
        "model.layers.0.self_attn.time_maa_x, Qwen2",
        "gpt_neox.layers.0.attention.query_key_value.weight, GPT-NeoX",
        "transformer.h.0.attn.c_attn.weight, GPT-2",
        "backbone.layers.0.mixer.A_log, Mamba",
        "model.layers.0.self_attn.q_proj.weight, a Transformer",
        "some.other.network, not the weights of an RWKV model"
    })
    void namesOtherNetworks(String sign, String what) {
        assertRefused(write(Map.of(sign, zeros(sign, DType.F32, new long[] {1}))), what, "RWKV-7");
    }

    @ParameterizedTest
    @CsvSource({
        "blocks.0.ffn.s_emb.weight, RWKV-7a",
        "blocks.0.qkv.qq.weight, RWKV-7b",
        "blocks.0.ffn.enn.weight, RWKV-8"
    })
    void namesItsOwnRelatives(String sign, String what) {
        assertRefused(write(with(zeros(sign, DType.F32, new long[] {1}))), what, sign);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 2000, Integer.MIN_VALUE})
    void refusesThreadsOutOfRange(int threads) {
        assertThatThrownBy(() -> RwkvOptions.builder().threads(threads).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll("threads is " + threads, "from 0 (all processors) to 1024");
    }

    @Test
    void refusesOtherOptionsOutOfRange() {
        assertThatThrownBy(() -> RwkvOptions.builder().maxSessions(0).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("maxSessions is 0");
        assertThatThrownBy(() -> RwkvOptions.builder().queueCapacity(-1).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("queueCapacity is -1");
        assertThatThrownBy(() -> RwkvOptions.builder().prefillRows(0).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("prefillRows is 0");
    }

    @Test
    void takesAllProcessorsWhenThreadsIsZero() {
        Path file = SIZES.write(directory.resolve("model.safetensors"), 1);
        try (Rwkv model = Rwkv.open(file, RwkvOptions.builder().threads(0).build())) {
            assertThat(model.info().threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
        }
    }

    private static void assertRefused(Path file, String... words) {
        assertThatThrownBy(() -> Rwkv.open(file, OPTIONS))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContainingAll(words);
    }

    private Path write(Map<String, Tensor> tensors) {
        return Safetensors.write(directory.resolve("model.safetensors"), tensors.values());
    }

    private static Map<String, Tensor> with(Tensor tensor) {
        Map<String, Tensor> tensors = new LinkedHashMap<>(SIZES.tensors(1));
        tensors.put(tensor.name(), tensor);
        return tensors;
    }

    private static Tensor zeros(String name, DType dtype, long[] shape) {
        return new Tensor(
                name, dtype, shape, MemorySegment.ofArray(new byte[(int) Tensor.elements(shape) * dtype.bytes()]));
    }
}
