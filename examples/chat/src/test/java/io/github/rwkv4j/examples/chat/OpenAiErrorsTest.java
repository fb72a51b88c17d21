package io.github.rwkv4j.examples.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.InternalServerException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.http.HttpStatus;

@ExtendWith(OutputCaptureExtension.class)
class OpenAiErrorsTest {
    @Test
    void logsAndReportsAFailureOfTheServer(CapturedOutput output) {
        OpenAiException error = OpenAiErrors.translate(new InternalServerException("A kernel failed"));

        assertThat(error.status()).isEqualTo(HttpStatus.INTERNAL_SERVER_ERROR);
        assertThat(error.body()).isEqualTo(OpenAiError.of("A kernel failed", "server_error", null, null));
        assertThat(output).contains("A chat completion failed").contains("A kernel failed");
    }

    @Test
    void keepsWhatItDidNotExpectToItself(CapturedOutput output) {
        OpenAiException error = OpenAiErrors.translate(new IllegalStateException("a secret"));

        assertThat(error.status()).isEqualTo(HttpStatus.INTERNAL_SERVER_ERROR);
        assertThat(error.body().error().message()).isEqualTo("The server failed: see its log");
        assertThat(output).contains("a secret");
    }
}
