package io.github.rwkv4j.engine.testing;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import org.opentest4j.TestAbortedException;

/** Where test data lies. */
public final class TestData {
    private TestData() {}

    /** A file of this module's test resources, such as {@code golden/v7/model.safetensors}. */
    public static Path resource(String name) {
        URL url = TestData.class.getResource("/" + name);
        if (url == null) {
            throw new AssertionError("There is no test resource " + name);
        }
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Other people's data, which is not part of the repository: a file in a folder {@code shared} beside it. Without it
     * the test is skipped; on a build server it fails, so that nobody takes the skip for a pass.
     */
    public static Path shared(String name) {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            Path file = folder.resolve("shared").resolve(name);
            if (Files.exists(file)) {
                return file;
            }
        }
        String reason = "needs ../shared/" + name + ", which is not part of this repository";
        if (Boolean.parseBoolean(System.getenv("CI"))) {
            throw new AssertionError(reason);
        }
        throw new TestAbortedException(reason);
    }
}
