package io.github.rwkv4j.examples.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;

/**
 * The JVM that a measurement runs in: with the Vector API, for which a jar's manifest can't ask, and with a bounded heap,
 * since an unbounded one grows with the machine's memory and not with the model's need.
 */
final class MeasuredJvm {
    private static final String MODULE = "jdk.incubator.vector";
    private static final List<String> FLAGS =
            List.of("--add-modules=" + MODULE, "--enable-native-access=ALL-UNNAMED", "-Xmx192m", "-XX:+UseSerialGC");

    private MeasuredJvm() {}

    /** Whether this JVM was started with the Vector API and a heap size. */
    static boolean isThis() {
        return ModuleLayer.boot().findModule(MODULE).isPresent()
                && ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .anyMatch(argument -> argument.startsWith("-Xmx"));
    }

    /** Runs the same program in a JVM with the flags, behind which come this one's own, on the same streams; returns its exit status. */
    static int run(CommandSpec measured) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(FLAGS);
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        String classPath = System.getProperty("java.class.path");
        if (classPath.endsWith(".jar")) {
            command.add("-jar");
            command.add(classPath);
        } else {
            command.add("-cp");
            command.add(classPath);
            command.add(Main.class.getName());
        }
        command.addAll(measured.root().commandLine().getParseResult().originalArgs());
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }
}
