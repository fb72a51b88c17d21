package io.github.rwkv4j.examples.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;

/**
 * A folder of {@code src/test} with a {@code package.json}, installed below {@code target}.
 *
 * @param directory where it is installed
 */
record NodeProject(Path directory) {
    /** Needs node and npm. */
    static NodeProject install(String name) throws IOException, InterruptedException {
        RequiredProgram.find("node");
        RequiredProgram.find("npm");
        Path directory = Path.of("target", "npm", name).toAbsolutePath();
        FileSystemUtils.deleteRecursively(directory);
        Files.createDirectories(directory);
        try (Stream<Path> files = Files.list(Path.of("src/test", name)).filter(Files::isRegularFile)) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        NodeProject project = new NodeProject(directory);
        project.npm(Map.of(), "ci", "--no-audit", "--no-fund", "--prefer-offline");
        return project;
    }

    /** Runs npm, which must succeed, and returns what it says. */
    String npm(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
        Path output = directory.resolve("npm.log");
        ProcessBuilder builder = new ProcessBuilder(RequiredProgram.find("npm").toString())
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.command().addAll(List.of(arguments));
        builder.environment().putAll(environment);
        Process process = builder.start();
        boolean ended = process.waitFor(120, TimeUnit.SECONDS);
        process.destroyForcibly();
        String text = Files.readString(output);
        assertThat(ended).as(text).isTrue();
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }
}
