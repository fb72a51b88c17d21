package io.github.rwkv4j.engine.testing;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where files of the project lie, from whichever of its directories the tests run. */
public final class Repository {
    private Repository() {}

    /** A file or directory by its path from the repository's root. */
    public static Path path(String relative) {
        Path start = Path.of("").toAbsolutePath();
        for (Path directory = start; directory != null; directory = directory.getParent()) {
            if (Files.isDirectory(directory.resolve("rwkv-engine")) && Files.isRegularFile(directory.resolve("mvnw"))) {
                return directory.resolve(relative);
            }
        }
        throw new IllegalStateException("No directory above %s is the project's root".formatted(start));
    }
}
