package io.github.rwkv4j.examples.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.rwkv4j.engine.testing.DemoModelFiles;
import io.github.rwkv4j.engine.testing.RandomModel;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTest {
    @TempDir
    Path folder;

    @Test
    void answersEachLineAndRemembersWhatWasSaid() throws Exception {
        Program.Run run = Program.runProcess(
                folder,
                "My name is Anna.\n\nWhat is my name?\n",
                "chat",
                DemoModelFiles.model().toString(),
                "--greedy");
        assertThat(run.status()).as(run.errors()).isZero();
        List<String> answers = run.output().lines().toList();
        assertThat(answers).hasSize(2);
        assertThat(answers.get(1)).contains("Anna");
    }

    @Test
    void ctrlCStopsAnAnswerAndTheConversationGoesOn() throws Exception {
        assumeTrue(Program.canStartInterruptible(), "needs the programs kill and env of Linux");
        // Random bytes hardly ever end a turn.
        Path model = RandomModel.small(1, 32, 32).write(folder.resolve("random.safetensors"), 1);
        Process chat = Program.startInterruptible(folder, "chat", model.toString(), "--max-tokens", "100000000");
        // A read that waits for ever ends with the process.
        CompletableFuture.delayedExecutor(60, TimeUnit.SECONDS).execute(chat::destroyForcibly);
        try (OutputStream input = chat.getOutputStream();
                BufferedReader output = new BufferedReader(new InputStreamReader(chat.getInputStream(), UTF_8))) {
            for (int turn = 0; turn < 2; turn++) {
                input.write("Say something.\n".getBytes(UTF_8));
                input.flush();
                output.read();
                new ProcessBuilder("/bin/kill", "-INT", Long.toString(chat.pid()))
                        .start()
                        .waitFor();
                String line = output.readLine();
                while (line != null && !line.endsWith(" [stopped]")) {
                    line = output.readLine();
                }
                assertThat(line).isNotNull();
            }
            input.close();
            assertThat(chat.waitFor()).isZero();
        } finally {
            chat.destroyForcibly();
        }
    }

    @Test
    void saysInWordsWhatIsWrong() throws Exception {
        Program.Run missing =
                Program.runProcess("chat", folder.resolve("none.safetensors").toString());
        assertThat(missing.status()).isEqualTo(1);
        assertThat(missing.errors()).contains("no such file").doesNotContain("\tat ");

        Path nameless = new RandomModel(1, 32, 32, 32, 1000, 4, 4, 4, 4).write(folder.resolve("m.safetensors"), 1);
        Program.Run vocabulary = Program.runProcess("chat", nameless.toString());
        assertThat(vocabulary.status()).isEqualTo(1);
        assertThat(vocabulary.errors()).contains("no vocabulary file beside it").doesNotContain("\tat ");
    }
}
