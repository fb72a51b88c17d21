package io.github.rwkv4j.examples.chat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A program of the machine that a test drives. Where it is missing the test is skipped, and on CI it fails. */
final class RequiredProgram {
    private RequiredProgram() {}

    static Path find(String name) {
        Optional<Path> program = Stream.of(System.getenv("PATH").split(Pattern.quote(File.pathSeparator)))
                .map(folder -> Path.of(folder, name))
                .filter(Files::isExecutable)
                .findFirst();
        if (program.isEmpty() && "true".equals(System.getenv("CI"))) {
            throw new AssertionError("%s is not on the PATH, but CI must run this test".formatted(name));
        }
        Assumptions.assumeTrue(program.isPresent(), () -> "%s is not on the PATH".formatted(name));
        return program.orElseThrow();
    }
}
