package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.StreamingResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RwkvLanguageModelTest {
    private static final String PROMPT = "User: What is 3 plus 4?\n\nAssistant:";

    @Test
    void continuesTheTextAsItIs() {
        RwkvLanguageModel model = RwkvLanguageModel.builder()
                .engine(Demo.ENGINE)
                .sampling(Sampling.GREEDY)
                .stopSequences(List.of("\n\n"))
                .build();

        Response<String> response = model.generate(PROMPT);

        assertThat(response.content()).isEqualTo(" 3 plus 4 is 7.");
        assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(response.tokenUsage()).isEqualTo(new TokenUsage(tokens(PROMPT), tokens(" 3 plus 4 is 7.\n\n")));
    }

    @Test
    void endsAtTheMostTokens() {
        RwkvLanguageModel model = RwkvLanguageModel.builder()
                .engine(Demo.ENGINE)
                .sampling(Sampling.GREEDY)
                .maxOutputTokens(3)
                .build();

        Response<String> response = model.generate(PROMPT);

        assertThat(response.tokenUsage()).isEqualTo(new TokenUsage(tokens(PROMPT), 3));
        assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void countsAnEndOfTextPutFirst() {
        RwkvLanguageModel model = RwkvLanguageModel.builder()
                .engine(Demo.ENGINE)
                .endOfTextFirst(true)
                .maxOutputTokens(1)
                .build();

        assertThat(model.generate(PROMPT).tokenUsage()).isEqualTo(new TokenUsage(tokens(PROMPT) + 1, 1));
    }

    @Test
    void refusesAnEmptyPrompt() {
        RwkvLanguageModel model =
                RwkvLanguageModel.builder().engine(Demo.ENGINE).build();

        assertThatThrownBy(() -> model.generate("")).isExactlyInstanceOf(InvalidRequestException.class);
    }

    @Test
    void streamsTheSameText() throws Exception {
        RwkvStreamingLanguageModel model = RwkvStreamingLanguageModel.builder()
                .engine(Demo.ENGINE)
                .sampling(Sampling.GREEDY)
                .stopSequences(List.of("\n\n"))
                .build();
        StreamRecorder recorder = new StreamRecorder();

        model.generate(PROMPT, recorder);

        Response<String> response = recorder.response.get(60, TimeUnit.SECONDS);
        assertThat(response.content()).isEqualTo(" 3 plus 4 is 7.").isEqualTo(String.join("", recorder.pieces));
        assertThat(recorder.pieces).hasSizeGreaterThan(3);
        assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void handsAnExceptionOfTheHandlerBackToItAndGoesOn() throws Exception {
        RwkvStreamingLanguageModel model = RwkvStreamingLanguageModel.builder()
                .engine(Demo.ENGINE)
                .sampling(Sampling.GREEDY)
                .maxOutputTokens(5)
                .build();
        IllegalStateException clumsy = new IllegalStateException("clumsy handler");
        List<Throwable> errors = new ArrayList<>();
        StreamRecorder recorder = new StreamRecorder() {
            @Override
            public void onNext(String token) {
                super.onNext(token);
                throw clumsy;
            }

            @Override
            public void onError(Throwable error) {
                errors.add(error);
            }
        };

        model.generate(PROMPT, recorder);

        assertThat(recorder.response.get(60, TimeUnit.SECONDS).tokenUsage())
                .isEqualTo(new TokenUsage(tokens(PROMPT), 5));
        assertThat(errors).hasSameSizeAs(recorder.pieces).isNotEmpty().allMatch(clumsy::equals);
    }

    @Test
    void handsErrorsToTheHandler() {
        StreamRecorder recorder = new StreamRecorder();

        RwkvStreamingLanguageModel.builder().engine(Demo.ENGINE).build().generate("", recorder);

        assertThat(recorder.response)
                .failsWithin(60, TimeUnit.SECONDS)
                .withThrowableThat()
                .withCauseExactlyInstanceOf(InvalidRequestException.class);
    }

    private static int tokens(String text) {
        return Demo.ENGINE.tokenizer().encode(text).length;
    }

    private static class StreamRecorder implements StreamingResponseHandler<String> {
        final List<String> pieces = new ArrayList<>();
        final CompletableFuture<Response<String>> response = new CompletableFuture<>();

        @Override
        public void onNext(String token) {
            pieces.add(token);
        }

        @Override
        public void onComplete(Response<String> complete) {
            response.complete(complete);
        }

        @Override
        public void onError(Throwable error) {
            response.completeExceptionally(error);
        }
    }
}
