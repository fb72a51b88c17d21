package io.github.rwkv4j.examples.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.engine.testing.Repository;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of this module's README, word for word but for the jar. */
class ReadmeTest {
    private static final String JAR = "java -jar rwkv-bench.jar ";
    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

    @TempDir
    Path folder;

    @Test
    void commandsRun() throws Exception {
        Path model = DemoModelFiles.model();
        Files.copy(model, folder.resolve("model.safetensors"));
        Files.copy(model.resolveSibling("vocab.txt"), folder.resolve("vocab.txt"));
        Files.copy(Golden.file("v7-pth-bf16/model.pth"), folder.resolve("RWKV-model.pth"));
        List<String> commands = Files.readAllLines(Repository.path("examples/bench/README.md")).stream()
                .filter(line -> line.startsWith(JAR))
                .toList();
        assertThat(commands).hasSize(6);
        for (String command : commands) {
            Program.Run run = Program.runProcess(
                    folder, "Hello!\n", words(command.substring(JAR.length())).toArray(String[]::new));
            assertThat(run.status()).as("%s: %s", command, run.errors()).isZero();
            if (command.contains(" convert ")) {
                assertThat(run.output()).isEmpty();
                assertThat(run.errors()).contains("Writing", "100%");
            } else {
                assertThat(run.output()).isNotEmpty();
            }
        }
    }

    private static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        for (Matcher word = WORD.matcher(command); word.find(); ) {
            words.add(word.group(1) == null ? word.group(2) : word.group(1));
        }
        return words;
    }
}
