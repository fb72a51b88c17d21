package io.github.rwkv4j.engine.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * The inputs that are kept for each fuzzed reader: well-formed seeds {@code seed-…}, findings {@code crash-…}, and in
 * {@code kept.zip} what reached code that the others don't.
 */
public final class FuzzCorpus {
    private FuzzCorpus() {}

    /** The inputs of a reader by name, at least one of them a seed. */
    public static Map<String, byte[]> inputs(String reader) throws IOException {
        Map<String, byte[]> inputs = new LinkedHashMap<>();
        List<Path> files;
        try (Stream<Path> all = Files.list(TestData.resource("fuzz/" + reader))) {
            files = all.sorted().toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString();
            if (!name.equals("kept.zip")) {
                inputs.put(name, Files.readAllBytes(file));
                continue;
            }
            try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
                for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                    inputs.put(entry.getName(), zip.readAllBytes());
                }
            }
        }
        if (inputs.keySet().stream().noneMatch(FuzzCorpus::isSeed)) {
            throw new AssertionError("There is no seed for " + reader);
        }
        return inputs;
    }

    /** Whether a reader must accept an input. */
    public static boolean isSeed(String name) {
        return name.startsWith("seed-");
    }
}
