package io.github.rwkv4j.engine.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The demo model as the project ships it: weights with their vocabulary beside them, held-out items, model card. */
public final class DemoModelFiles {
    private static final Pattern MEASURED =
            Pattern.compile("\\| (?<skill>[^|]+) \\| (?<rate>[\\d.]+) % \\| (?<asked>\\d+) \\|");

    /**
     * A row of the model card's table of measurements.
     *
     * @param right how many were answered exactly
     */
    public record Measured(int right, int asked) {}

    private DemoModelFiles() {}

    public static Path model() {
        return Repository.path("examples/demo-model/src/main/resources/io/github/rwkv4j/demo/model.safetensors");
    }

    public static Path heldOutItems() {
        return Repository.path("examples/demo-model/eval/held-out.jsonl");
    }

    /** What the model card says was measured on the held-out items, by skill. */
    public static Map<String, Measured> modelCard() throws IOException {
        Map<String, Measured> table = new LinkedHashMap<>();
        for (String line : Files.readAllLines(Repository.path("examples/demo-model/README.md"))) {
            Matcher row = MEASURED.matcher(line);
            if (row.matches()) {
                int asked = Integer.parseInt(row.group("asked"));
                double rate = Double.parseDouble(row.group("rate"));
                table.put(row.group("skill"), new Measured((int) Math.round(rate * asked / 100), asked));
            }
        }
        return table;
    }
}
