package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.model.Architecture;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.Safetensors;
import io.github.rwkv4j.engine.testing.TestData;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every generation through the public API: what a session of one can, a session of all can. */
@Timeout(120)
class GenerationsTest {
    private static final RwkvOptions OPTIONS =
            RwkvOptions.builder().threads(2).prefillRows(16).maxSessions(8).build();

    /** Parameters that tell a generation; and a copy head's, which may be absent as a whole. */
    private static final Pattern SIGNS = Pattern.compile(
            "tok_emb|attn.time_w|ln0.weight|time_decay|time_first|blocks.0.att.(ln_x.weight|gate.weight|time_maa_x)|head_[qk]");

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {"v1", "v2", "v2-ffnpre", "v3", "v3-ffnpre", "v4", "v4-ffnpre", "v5.0", "v5.1", "v5.2", "v6", "v7"
            })
    void servesSessionsTogether(String generation) throws Exception {
        try (Rwkv model = open(generation, OPTIONS)) {
            assertThat(model.info().generation()).startsWith("RWKV-" + generation.charAt(1));
            int size = model.tokenizer().size();
            GenerationResult alone = model.generate(request(20, tokens(1, 30, size)));
            assertThat(alone.tokens()).hasSize(20);
            float[][] logits = feedAlone(model, tokens(2, 40, size));
            float[] embedding = model.embed(List.of(text(size)), Pooling.MEAN).getFirst();
            assertThat(embedding).hasSize(model.info().embeddingSize());
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                List<Future<?>> company = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    company.add(threads.submit(() -> assertThat(model.generate(request(20, tokens(1, 30, size)))
                                    .tokens())
                            .isEqualTo(alone.tokens())));
                    company.add(threads.submit(() ->
                            assertThat(feedAlone(model, tokens(2, 40, size))).isDeepEqualTo(logits)));
                    company.add(threads.submit(() -> assertThat(model.embed(List.of(text(size)), Pooling.MEAN))
                            .containsExactly(embedding)));
                }
                for (Future<?> member : company) {
                    member.get();
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2", "v3", "v4", "v4-ffnpre", "v5.2", "v6", "v7"})
    void forksGoOnByThemselves(String generation) throws IOException {
        try (Rwkv model = open(generation, OPTIONS);
                Session session = model.newSession()) {
            int size = model.tokenizer().size();
            int[] text = tokens(3, 30, size);
            session.logits(IntStream.of(text).limit(20).toArray());
            try (Session fork = session.fork()) {
                fork.logits(tokens(4, 12, size));
                float[] expected = feedAlone(model, text)[29];
                assertThat(session.logits(IntStream.of(text).skip(20).toArray()))
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void rwkv1RefusesWhatIsOverItsContextLength() throws IOException {
        try (Rwkv model = open("v1", OPTIONS);
                Session session = model.newSession()) {
            session.logits(tokens(1, 60, 97));
            assertOverContext(() -> session.logits(tokens(1, 5, 97)), "5 tokens", "past of 60", "is 64", "new session");
            assertOverContext(() -> session.generate(request(1, tokens(1, 5, 97))), "5 tokens", "past of 60");
            assertThat(session.position()).isEqualTo(60);
            assertOverContext(() -> model.generate(request(1, tokens(1, 65, 97))), "65 tokens", "RWKV-1");
            assertOverContext(() -> model.embed(List.of(text(97).repeat(3)), Pooling.LAST), "context length");
            assertThat(session.logits(tokens(1, 4, 97))).hasSize(97);
        }
    }

    private static void assertOverContext(Runnable request, String... words) {
        assertThatThrownBy(request::run)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void aGenerationOfRwkv1EndsAtItsContextLength() throws IOException {
        try (Rwkv model = open("v1", OPTIONS);
                Session session = model.newSession()) {
            session.logits(tokens(1, 10, 97));
            GenerationResult result = session.generate(request(500, tokens(2, 50, 97)));
            // 60 are fed, four more of what is drawn, and the last of those has a successor.
            assertThat(result.tokens()).hasSize(5);
            assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(session.position()).isEqualTo(65);
            assertOverContext(() -> session.logits(1), "context length");
        }
    }

    /** Without the trailing 1 of its decays nothing tells RWKV-3 from RWKV-4, but the caller may know. */
    @Test
    void takesTheCallersWordForTheGeneration() throws IOException {
        Path plain = file("v3");
        float[][] expected;
        try (Rwkv model = Rwkv.open(plain, OPTIONS)) {
            expected = feedAlone(model, tokens(1, 10, 83));
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(plain)) {
            checkpoint
                    .tensors()
                    .forEach((name, tensor) -> tensors.put(
                            name,
                            name.endsWith("time_decay")
                                    ? new Tensor(name, tensor.dtype(), tensor.squeezed(), tensor.data())
                                    : tensor));
            Safetensors.write(directory.resolve("squeezed.safetensors"), tensors.values());
        }
        Path squeezed = directory.resolve("squeezed.safetensors");
        try (Rwkv model = Rwkv.open(squeezed, OPTIONS)) {
            assertThat(model.info().generation()).isEqualTo("RWKV-4");
        }
        RwkvOptions named =
                RwkvOptions.builder().architecture(Architecture.RWKV_3).build();
        try (Rwkv model = Rwkv.open(squeezed, named)) {
            assertThat(feedAlone(model, tokens(1, 10, 83))).isDeepEqualTo(expected);
        }
        assertThatThrownBy(() -> Rwkv.open(
                        plain,
                        RwkvOptions.builder().architecture(Architecture.RWKV_7).build()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("blocks.0.att.r_k is missing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2", "v3", "v4", "v5.0", "v5.1", "v5.2", "v6"})
    void refusesEachTensorThatIsMissingOrDamaged(String generation) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(file(generation))) {
            for (Tensor tensor : checkpoint.tensors().values()) {
                Map<String, Tensor> tensors = new LinkedHashMap<>(checkpoint.tensors());
                tensors.remove(tensor.name());
                // Without what tells a generation it looks like another, of which something else is missing.
                assertRefused(tensors, SIGNS.matcher(tensor.name()).find() ? "" : tensor.name());

                long[] shape = tensor.shape().clone();
                shape[shape.length - 1]++;
                byte[] zeros = new byte
                        [Math.toIntExact(Tensor.elements(shape) * tensor.dtype().bytes())];
                tensors.put(
                        tensor.name(), new Tensor(tensor.name(), tensor.dtype(), shape, MemorySegment.ofArray(zeros)));
                assertRefused(tensors, "has shape");

                // Rows of this table are read one by one from the file.
                if (!tensor.name().endsWith("emb.weight")) {
                    byte[] damaged = tensor.data().toArray(ValueLayout.JAVA_BYTE);
                    Arrays.fill(damaged, damaged.length - tensor.dtype().bytes(), damaged.length, (byte) -1);
                    Tensor undefined =
                            new Tensor(tensor.name(), tensor.dtype(), tensor.shape(), MemorySegment.ofArray(damaged));
                    assertThat(undefined.get(undefined.elements() - 1)).isNaN();
                    tensors.put(tensor.name(), undefined);
                    assertRefused(tensors, tensor.name());
                }
            }
        }
    }

    private void assertRefused(Map<String, Tensor> tensors, String words) {
        Path changed = Safetensors.write(directory.resolve("changed.safetensors"), tensors.values());
        assertThatThrownBy(() -> Rwkv.open(changed, OPTIONS).close())
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(changed.toString())
                .hasMessageContaining(words);
    }

    @Test
    void takesTheHeadNormsEpsilonFromTheFilesNotes() throws IOException {
        int[] tokens = tokens(1, 10, 256);
        try (Checkpoint checkpoint = Checkpoint.open(file("v5.2"));
                Rwkv plain = Rwkv.open(checkpoint.file(), OPTIONS)) {
            float[][] expected = feedAlone(plain, tokens);
            Path noted = directory.resolve("noted.safetensors");
            Collection<Tensor> tensors = checkpoint.tensors().values();
            Safetensors.write(noted, tensors, Map.of("rwkv.head_norm_epsilon", "0.00064"));
            try (Rwkv model = Rwkv.open(noted, OPTIONS)) {
                assertThat(feedAlone(model, tokens)).isDeepEqualTo(expected);
            }
            Safetensors.write(noted, tensors, Map.of("rwkv.head_norm_epsilon", "1e-5"));
            try (Rwkv model = Rwkv.open(noted, OPTIONS)) {
                assertThat(Arrays.deepEquals(feedAlone(model, tokens), expected))
                        .isFalse();
            }
            for (String wrong : List.of("0", "-1", "NaN", "1e9", "small")) {
                Safetensors.write(noted, tensors, Map.of("rwkv.head_norm_epsilon", wrong));
                assertThatThrownBy(() -> Rwkv.open(noted, OPTIONS).close())
                        .isInstanceOf(CheckpointException.class)
                        .hasMessageContainingAll("noted.safetensors", "rwkv.head_norm_epsilon = " + wrong);
            }
        }
    }

    private float[][] feedAlone(Rwkv model, int[] tokens) {
        try (Session session = model.newSession()) {
            return session.logitsOfEach(tokens);
        }
    }

    private static int[] tokens(int seed, int count, int size) {
        return new Random(seed).ints(count, 0, size).toArray();
    }

    /** A text of thirty characters that the vocabulary has. */
    private static String text(int size) {
        return IntStream.range(0, 30)
                .mapToObj(i -> Character.toString(size == 256 ? 'a' + i % 26 : '0' + i % 70))
                .collect(Collectors.joining());
    }

    private static GenerationRequest request(int maxTokens, int... prompt) {
        return GenerationRequest.builder()
                .prompt(prompt)
                .sampling(Sampling.GREEDY)
                .maxTokens(maxTokens)
                .build();
    }

    private Rwkv open(String generation, RwkvOptions options) throws IOException {
        return Rwkv.open(file(generation), options);
    }

    /** The golden model, with a table of characters beside it where its vocabulary isn't that of bytes. */
    private Path file(String generation) throws IOException {
        Path file = directory.resolve("model.safetensors");
        Files.copy(
                TestData.resource("golden/" + generation + "/model.safetensors"),
                file,
                StandardCopyOption.REPLACE_EXISTING);
        int size = generation.equals("v1") ? 97 : generation.compareTo("v5") < 0 ? 83 : 256;
        Files.deleteIfExists(directory.resolve("vocab.json"));
        if (size < 256) {
            Files.writeString(
                    directory.resolve("vocab.json"),
                    IntStream.range(0, size)
                            .mapToObj(id -> "\"%d\": \"\\u%04x\"".formatted(id, '0' + id))
                            .collect(Collectors.joining(", ", "{", "}")));
        }
        return file;
    }
}
