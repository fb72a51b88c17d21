package io.github.rwkv4j.spring;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ChatMessageDeserializer;
import dev.langchain4j.data.message.ChatMessageSerializer;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import io.github.rwkv4j.langchain4j.RwkvChatResponseMetadata;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Configuration;

/**
 * An application in a process of its own, that answers conversations: each line of its input is one, as JSON, and its
 * answer is a line of the number of tokens that a state saved, and the reply as JSON.
 */
final class Replica implements AutoCloseable {
    private static final String ANSWER = "ANSWER ";

    private final Process process;
    private final BufferedWriter in;
    private final BufferedReader out;

    /** @param cached how many tokens of the prompt a state saved */
    record Reply(int cached, ChatMessage message) {}

    /** @param arguments properties, such as {@code --rwkv.state.store=redis} */
    Replica(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                new File(System.getProperty("java.home"), "bin/java").toString(),
                "-Xmx300m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Replica.class.getName()));
        command.addAll(List.of(arguments));
        process = new ProcessBuilder(command).redirectErrorStream(true).start();
        in = process.outputWriter(StandardCharsets.UTF_8);
        out = process.inputReader(StandardCharsets.UTF_8);
    }

    Reply ask(List<ChatMessage> conversation) throws IOException {
        in.write(ChatMessageSerializer.messagesToJson(conversation));
        in.newLine();
        in.flush();
        List<String> log = new ArrayList<>();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (line.startsWith(ANSWER)) {
                String[] parts = line.substring(ANSWER.length()).split(" ", 2);
                return new Reply(Integer.parseInt(parts[0]), ChatMessageDeserializer.messageFromJson(parts[1]));
            }
            log.add(line);
        }
        throw new AssertionError("The replica has ended:\n" + String.join("\n", log));
    }

    void kill() {
        process.destroyForcibly();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {}

    static void main(String[] arguments) throws IOException {
        RwkvChatModel model =
                SpringApplication.run(Application.class, arguments).getBean(RwkvChatModel.class);
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader conversations = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = conversations.readLine(); line != null; line = conversations.readLine()) {
            ChatResponse response = model.chat(ChatMessageDeserializer.messagesFromJson(line));
            int cached = ((RwkvChatResponseMetadata) response.metadata()).cachedPromptTokens();
            answers.println(ANSWER + cached + " " + ChatMessageSerializer.messageToJson(response.aiMessage()));
        }
        System.exit(0);
    }
}
