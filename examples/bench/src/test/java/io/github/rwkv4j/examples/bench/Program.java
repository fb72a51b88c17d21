package io.github.rwkv4j.examples.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line, run here or as a process of its own, started without JVM flags as its users start it. */
public final class Program {
    private Program() {}

    /** How a process ended, and what it wrote. */
    public record Run(int status, String output, String errors) {}

    private static final List<String> WITH_INTERRUPTS = List.of("/usr/bin/env", "--default-signal=INT");

    static boolean canStartInterruptible() throws IOException, InterruptedException {
        List<String> nothing = new ArrayList<>(WITH_INTERRUPTS);
        nothing.add("/bin/kill");
        nothing.add("-l");
        return Files.isExecutable(Path.of(WITH_INTERRUPTS.getFirst()))
                && new ProcessBuilder(nothing).start().waitFor() == 0;
    }

    /** Starts it as a terminal does, where a build in the background would hand down that Ctrl-C is ignored. */
    static Process startInterruptible(Path folder, String... arguments) throws IOException {
        return start(WITH_INTERRUPTS, folder, arguments);
    }

    private static Process start(List<String> prefix, Path folder, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).directory(folder.toFile()).start();
    }

    /** Runs it in this JVM. */
    public static synchronized Run run(String... arguments) {
        PrintStream output = System.out;
        PrintStream errors = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
            int status = Main.run(arguments);
            return new Run(
                    status, printed.toString(StandardCharsets.UTF_8), complained.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(output);
            System.setErr(errors);
        }
    }

    static Run runProcess(String... arguments) throws IOException, InterruptedException {
        return runProcess(Path.of(""), "", arguments);
    }

    static Run runProcess(Path folder, String input, String... arguments) throws IOException, InterruptedException {
        Process process = start(List.of(), folder.toAbsolutePath(), arguments);
        StringBuilder errors = new StringBuilder();
        Thread reader = Thread.ofVirtual().start(() -> {
            try {
                errors.append(new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                errors.append(e);
            }
        });
        process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        reader.join();
        return new Run(process.waitFor(), output, errors.toString());
    }
}
