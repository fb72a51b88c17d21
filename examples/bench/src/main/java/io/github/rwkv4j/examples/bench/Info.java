package io.github.rwkv4j.examples.bench;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** Describes a model. */
@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        description = {
            "Says what a checkpoint is and what memory it needs.",
            "Checks the names and shapes of all tensors as opening it would, and reads no matrix."
        })
final class Info implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "Checkpoint.")
    private Path model = Path.of("");

    @Option(names = "--json", description = "Print exactly one line: a JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        Description description = Description.of(model);
        System.out.println(
                json
                        ? JsonMapper.builder()
                                .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                                .build()
                                .writeValueAsString(description)
                        : description.table());
        return 0;
    }
}
