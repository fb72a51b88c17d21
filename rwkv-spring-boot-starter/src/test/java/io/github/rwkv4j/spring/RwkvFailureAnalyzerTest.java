package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.demo.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.io.DefaultResourceLoader;

@ExtendWith(OutputCaptureExtension.class)
class RwkvFailureAnalyzerTest {
    @TempDir
    private Path directory;

    @Test
    void saysThatNoModelIsConfigured(CapturedOutput output) {
        fail("--rwkv.demo.enabled=false");

        assertThat(reported(output))
                .contains("rwkv.model is not set, and rwkv.demo.enabled is false")
                .contains("Set rwkv.model to a model file");
    }

    @Test
    void saysThatTheDemoModelIsNotThere(CapturedOutput output) {
        SpringApplication application = application();
        application.setResourceLoader(new DefaultResourceLoader(new FilteredClassLoader("io.github.rwkv4j.demo")));
        assertThatThrownBy(application::run).isInstanceOf(Exception.class);

        assertThat(reported(output))
                .contains(
                        "rwkv.model is not set, and the demo model (artifact rwkv-demo-model) is not on the class path")
                .contains("Set rwkv.model to a model file");
    }

    @Test
    void saysThatTheModelDoesNotExist(CapturedOutput output) {
        Path absent = directory.resolve("absent.safetensors");
        fail("--rwkv.model=" + absent);

        assertThat(reported(output))
                .contains("rwkv.model names " + absent + ", which does not exist.")
                .contains(
                        "Set rwkv.model (set in \"rwkv.model\" from property source \"commandLineArgs\") to a model file");
    }

    @Test
    void saysThatAClassPathResourceDoesNotExist(CapturedOutput output) {
        fail("--rwkv.model=classpath:models/absent.safetensors");

        assertThat(reported(output))
                .contains("rwkv.model names classpath:models/absent.safetensors, which does not exist.");
    }

    @Test
    void saysThatTheModelIsADirectory(CapturedOutput output) {
        fail("--rwkv.model=" + directory.toUri());

        assertThat(reported(output))
                .contains("rwkv.model names the directory " + directory + " but must name a file in it.");
    }

    @Test
    void saysThatALocationIsOfAnotherKind(CapturedOutput output) {
        fail("--rwkv.model=https://example.com/model.safetensors");

        assertThat(reported(output))
                .contains("The property rwkv.model is https://example.com/model.safetensors but must be a path");
    }

    @Test
    void saysThatTheCheckpointIsDamaged(CapturedOutput output) throws IOException {
        Path damaged = directory.resolve("damaged.safetensors");
        Files.write(damaged, List.of("not a checkpoint"));
        fail("--rwkv.model=" + damaged);

        assertThat(reported(output)).contains("damaged.safetensors").contains("Download the model again");
    }

    @Test
    void saysThatTheVocabularyIsMissing(CapturedOutput output) throws IOException {
        Path alone = Files.copy(DemoModel.extract(), directory.resolve("alone.safetensors"));
        fail("--rwkv.model=" + alone);

        assertThat(reported(output)).contains("Set rwkv.vocabulary to the vocabulary file that belongs to the model.");
    }

    @Test
    void saysThatTheVocabularyFileDoesNotExist(CapturedOutput output) {
        Path absent = directory.resolve("absent.txt");
        fail("--rwkv.vocabulary=" + absent);

        assertThat(reported(output))
                .contains("rwkv.vocabulary names " + absent + ", which does not exist.")
                .contains("Set rwkv.vocabulary");
    }

    @Test
    void saysThatTheVocabularyDoesNotFit(CapturedOutput output) throws IOException {
        Path vocabulary = directory.resolve("vocabulary.txt");
        // One token more than the model has rows for, in the form of the World vocabulary: id, bytes, length.
        Files.write(
                vocabulary,
                Stream.iterate(1, id -> id <= 2000, id -> id + 1)
                        .map(id -> "%d '%04d' 4".formatted(id, id))
                        .toList());
        fail("--rwkv.vocabulary=" + vocabulary);

        assertThat(reported(output)).contains("Set rwkv.vocabulary");
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv.threads, -1, from 0 (all processors) to 1024",
        "rwkv.max-sessions, 0, from 1 to 4096",
        "rwkv.queue-capacity, -1, 0 or more",
        "rwkv.prefill-rows, 0, from 1 to 4096",
        "rwkv.chat.temperature, -0.5, from 0 to 100",
        "rwkv.chat.top-p, 1.5, from 0 to 1",
        "rwkv.chat.top-k, -1, 0 (no limit) or more",
        "rwkv.chat.presence-penalty, 101.0, from -100 to 100",
        "rwkv.chat.frequency-penalty, -101.0, from -100 to 100",
        "rwkv.chat.penalty-decay, 2.0, from 0 to 1",
        "rwkv.chat.max-output-tokens, 0, 1 or more",
    })
    void saysWhichValueIsOutOfRange(String property, String value, String expected, CapturedOutput output) {
        fail("--%s=%s".formatted(property, value));

        assertThat(reported(output))
                .contains("The property %s is %s but must be %s.".formatted(property, value, expected))
                .contains("Change %s (set in \"%s\" from property source \"commandLineArgs\")."
                        .formatted(property, property));
    }

    @Test
    void saysWhichValuesThereAre(CapturedOutput output) {
        fail("--rwkv.quantization=q4");

        assertThat(reported(output))
                .contains("rwkv.quantization")
                .contains("NONE")
                .contains("Q8_0");
    }

    private static void fail(String... arguments) {
        assertThatThrownBy(() -> application().run(arguments)).isInstanceOf(Exception.class);
    }

    private static SpringApplication application() {
        return new SpringApplication(Application.class);
    }

    private static String reported(CapturedOutput output) {
        assertThat(output).contains("APPLICATION FAILED TO START").doesNotContain("\tat ");
        return output.getAll().substring(output.getAll().indexOf("APPLICATION FAILED TO START"));
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(RwkvAutoConfiguration.class)
    static class Application {}
}
