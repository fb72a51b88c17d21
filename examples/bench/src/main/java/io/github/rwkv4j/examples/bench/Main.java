package io.github.rwkv4j.examples.bench;

import dev.langchain4j.exception.LangChain4jException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.examples.bench.convert.Convert;
import java.nio.file.FileSystemException;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. */
@Command(
        name = "rwkv-bench",
        mixinStandardHelpOptions = true,
        description = "Measures, describes, converts and talks to RWKV models. Without a command: bench.",
        subcommands = {Bench.class, Info.class, Chat.class, Convert.class, Logits.class})
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    /** Returns the exit status. */
    static int run(String... arguments) {
        CommandLine commandLine = new CommandLine(new Main());
        commandLine.setExecutionExceptionHandler((e, command, _) -> {
            if (isForUsers(e)) {
                command.getErr().println(e.getMessage());
                return 1;
            }
            throw e;
        });
        return commandLine.execute(withCommand(commandLine, arguments));
    }

    /** Whether the message says it all, and a stack trace would only hide it. */
    private static boolean isForUsers(Exception e) {
        return e instanceof RwkvException
                || e instanceof LangChain4jException
                || e instanceof IllegalArgumentException
                || e instanceof FileSystemException;
    }

    private static String[] withCommand(CommandLine commandLine, String[] arguments) {
        boolean complete = arguments.length > 0
                && (commandLine.getSubcommands().containsKey(arguments[0])
                        || commandLine.getCommandSpec().optionsMap().containsKey(arguments[0]));
        return complete
                ? arguments
                : Stream.concat(Stream.of("bench"), Stream.of(arguments)).toArray(String[]::new);
    }
}
