package io.github.rwkv4j.examples.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;
import sun.misc.Signal;

/** The JVM that a command runs in, where the one that it was started in may lack something. */
enum BetterJvm {
    /** With the Vector API, for which a jar's manifest can't ask. */
    FAST(),
    /** And with a bounded heap, since an unbounded one grows with the machine's memory and not with the model's need. */
    MEASURING("-Xmx192m", "-XX:+UseSerialGC");

    private static final String MODULE = "jdk.incubator.vector";

    private final List<String> flags;

    BetterJvm(String... flags) {
        this.flags = Stream.concat(
                        Stream.of("--add-modules=" + MODULE, "--enable-native-access=ALL-UNNAMED"), Stream.of(flags))
                .toList();
    }

    /** Whether this JVM was started with the Vector API and, for measuring, a heap size. */
    boolean isThis() {
        return ModuleLayer.boot().findModule(MODULE).isPresent()
                && (this == FAST
                        || ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                                .anyMatch(argument -> argument.startsWith("-Xmx")));
    }

    /** Runs the same command line in a JVM with the flags, on the same streams; returns its exit status. */
    int run(CommandSpec command) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        line.addAll(flags);
        String classPath = System.getProperty("java.class.path");
        if (classPath.endsWith(".jar") && !classPath.contains(System.getProperty("path.separator"))) {
            line.add("-jar");
            line.add(classPath);
        } else {
            line.add("-cp");
            line.add(classPath);
            line.add(Main.class.getName());
        }
        line.addAll(command.root().commandLine().getParseResult().originalArgs());
        // The terminal sends Ctrl-C to both; what it means is the other's to say.
        Signal.handle(new Signal("INT"), _ -> {});
        return new ProcessBuilder(line).inheritIO().start().waitFor();
    }
}
