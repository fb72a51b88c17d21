package io.github.rwkv4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.engine.testing.RandomModel;
import io.github.rwkv4j.engine.testing.RecordingListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class GenerationTest {
    private static final String QUESTION = "User: What is 7 plus 7?\n\nAssistant:";

    /** Random weights over bytes: its text never ends by itself. */
    private static Rwkv random;

    private static Rwkv demo;

    @BeforeAll
    static void open(@TempDir Path directory) {
        RwkvOptions options = RwkvOptions.builder().threads(1).build();
        Path file = RandomModel.small(1, 32, 32).write(directory.resolve("model.safetensors"), 3);
        random = Rwkv.open(file, options);
        demo = Rwkv.open(DemoModelFiles.model(), options);
    }

    @AfterAll
    static void close() {
        random.close();
        demo.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 63, 64, 65, 300})
    void generatesExactlyMaxTokens(int maxTokens) {
        GenerationResult result = random.generate(
                request(Sampling.GREEDY, 1, 2, 3).maxTokens(maxTokens).build());
        assertThat(result.tokens()).hasSize(maxTokens);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.promptTokens()).isEqualTo(3);
        assertThat(result.text()).isEqualTo(random.tokenizer().decode(result.tokens()));
        assertThat(result.total()).isGreaterThanOrEqualTo(result.timeToFirstToken());
    }

    @Test
    void drawsTheLikeliestTokenWhenGreedy() {
        int[] tokens = random.generate(request(Sampling.GREEDY, 5).maxTokens(20).build())
                .tokens();
        try (Session session = random.newSession()) {
            float[] logits = session.logits(5);
            for (int token : tokens) {
                assertThat(token).isEqualTo(argmax(logits));
                logits = session.logits(token);
            }
        }
    }

    private static int argmax(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    @Test
    void stopsAtASequenceWhereverTokensAreCut() {
        String whole = answer(QUESTION, List.of("\n\n"));
        assertThat(whole).isEqualTo(" 7 plus 7 is 14.");
        for (int from = 0; from < whole.length(); from++) {
            for (int to = from + 1; to <= whole.length(); to++) {
                String stop = whole.substring(from, to);
                assertThat(answer(QUESTION, List.of("no such text", stop)))
                        .as("stop at '%s'", stop)
                        .isEqualTo(whole.substring(0, whole.indexOf(stop)));
            }
        }
    }

    @Test
    void saysWhyItStoppedAndKeepsTheTokensOfTheStopSequence() throws InterruptedException {
        RecordingListener listener = new RecordingListener();
        GenerationResult result = demo.generate(
                        request(Sampling.GREEDY, demo.tokenizer().encode(QUESTION))
                                .stopSequences(List.of("us 7 i"))
                                .build(),
                        listener)
                .await();
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.text()).isEqualTo(" 7 pl");
        assertThat(demo.tokenizer().decode(result.tokens())).startsWith(" 7 plus 7 i");
        assertThat(listener.text()).isEqualTo(" 7 pl");
    }

    @Test
    void releasesWhatOnlyLookedLikeAStopSequence() {
        assertThat(answer(QUESTION, List.of("14.x", "\n\n"))).isEqualTo(" 7 plus 7 is 14.");
        GenerationResult cut =
                demo.generate(request(Sampling.GREEDY, demo.tokenizer().encode(QUESTION))
                        .maxTokens(3)
                        .stopSequences(List.of(answer(QUESTION, List.of("\n\n")) + "x"))
                        .build());
        assertThat(cut.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(cut.text()).isEqualTo(demo.tokenizer().decode(cut.tokens())).isNotEmpty();
    }

    @Test
    void stopSequencesCountOnlyAfterTheirMarker() {
        GenerationResult result =
                demo.generate(request(Sampling.GREEDY, demo.tokenizer().encode(QUESTION))
                        .stopSequences(List.of("7"))
                        .stopsAfter("plus")
                        .build());
        assertThat(result.text()).isEqualTo(" 7 plus ");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void stopsAtACharacterThatManyTokensMakeUp() {
        // Biases that force the three bytes of a character, one after the other, out of a model over bytes.
        byte[] euro = "€".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        Map<Integer, Float> onlyEuro = Map.of(euro[0] & 0xFF, 1000f, euro[1] & 0xFF, 1000f, euro[2] & 0xFF, 1000f);
        String text = random.generate(
                        request(biased(onlyEuro), 1).maxTokens(5000).build())
                .text();
        assertThat(text).contains("€");
        GenerationResult stopped = random.generate(request(biased(onlyEuro), 1)
                .maxTokens(5000)
                .stopSequences(List.of("€"))
                .build());
        assertThat(stopped.text()).isEqualTo(text.substring(0, text.indexOf("€")));
        assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);
    }

    private static Sampling biased(Map<Integer, Float> bias) {
        return Sampling.builder()
                .topP(1)
                .temperature(100)
                .seed(1)
                .tokenBias(bias)
                .build();
    }

    @Test
    void theSameSeedGivesTheSameTextAndOthersGiveOthers() {
        Set<String> texts = new HashSet<>();
        for (int seed = 0; seed < 10; seed++) {
            GenerationRequest request = request(Sampling.builder().seed(seed).build(), 1)
                    .maxTokens(30)
                    .build();
            String text = random.generate(request).text();
            assertThat(random.generate(request).text()).isEqualTo(text);
            texts.add(text);
        }
        assertThat(texts).hasSize(10);
        GenerationRequest unseeded = request(Sampling.DEFAULT, 1).maxTokens(30).build();
        assertThat(random.generate(unseeded).text())
                .isNotEqualTo(random.generate(unseeded).text());
    }

    @Test
    void aSeedsTextDoesNotDependOnTheCompany() throws InterruptedException {
        GenerationRequest request =
                request(Sampling.builder().seed(7).build(), 1).maxTokens(200).build();
        String alone = random.generate(request).text();
        List<Generation> company = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            company.add(random.generate(
                    request(Sampling.builder().seed(i).build(), i)
                            .maxTokens(20 * i + 1)
                            .build(),
                    new RecordingListener()));
        }
        assertThat(random.generate(request).text()).isEqualTo(alone);
        for (Generation other : company) {
            other.await();
        }
    }

    @Test
    void refusesRequestsThatMakeNoSense() {
        assertRefused(() -> random.generate(request(Sampling.GREEDY).build()), "prompt is empty");
        assertRefused(() -> random.generate(request(Sampling.GREEDY, 1, 256).build()), "256", "vocabulary");
        assertRefused(() -> random.generate(request(Sampling.GREEDY, -1).build()), "-1", "vocabulary of 256");
        assertRefused(() -> request(Sampling.GREEDY, 1).maxTokens(0).build(), "maxTokens is 0", "at least 1");
        assertRefused(() -> Sampling.builder().temperature(-0.5).build(), "temperature is -0.5", "from 0 to 100");
        assertRefused(
                () -> request(Sampling.GREEDY, 1)
                        .stopSequences(List.of("a", ""))
                        .build(),
                "stop sequence is empty");
        assertRefused(() -> request(Sampling.GREEDY, 1).stopsAfter("").build(), "stop sequence is empty");
        assertRefused(
                () -> random.generate(request(biased(Map.of(256, 1f)), 1).build()), "tokenBias", "256", "0 to 255");
        // Nothing of it stays behind.
        assertThat(random.generate(request(Sampling.GREEDY, 1).maxTokens(3).build())
                        .tokens())
                .hasSize(3);
    }

    private static void assertRefused(Runnable request, String... words) {
        assertThatThrownBy(request::run)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(words);
    }

    private static String answer(String prompt, List<String> stops) {
        return demo.generate(request(Sampling.GREEDY, demo.tokenizer().encode(prompt))
                        .stopSequences(stops)
                        .maxTokens(40)
                        .build())
                .text();
    }

    private static GenerationRequest.Builder request(Sampling sampling, int... prompt) {
        return GenerationRequest.builder().prompt(prompt).sampling(sampling);
    }
}
