package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.RwkvException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.springframework.core.io.Resource;
import org.springframework.core.io.ResourceLoader;
import org.springframework.util.ResourceUtils;

/**
 * The value of a property that names a file.
 *
 * @param property the property's full name
 * @param value a path, or a {@code file:} or {@code classpath:} location
 */
record FileLocation(String property, String value) {
    private static final Pattern OTHER_SCHEME = Pattern.compile("(?!file:)[A-Za-z][A-Za-z0-9+.-]+:.*"); // C:\ is none

    /**
     * The file, as an absolute path. A resource inside a jar is copied to a cache folder, because weights are mapped
     * from a file.
     *
     * @param error makes the exception that says what is wrong with the file
     */
    Path resolve(ResourceLoader resources, Function<String, ? extends RwkvException> error) {
        Path file;
        try {
            file = value.startsWith(ResourceUtils.CLASSPATH_URL_PREFIX) ? classPathFile(resources) : path();
        } catch (FileNotFoundException e) {
            throw error.apply("%s names %s, which does not exist".formatted(property, value));
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "%s names %s, which can't be copied to the cache folder %s: name a file outside a jar"
                            .formatted(property, value, cacheFolder()),
                    e);
        }
        if (Files.isDirectory(file)) {
            throw error.apply("%s names the directory %s but must name a file in it".formatted(property, file));
        }
        if (!Files.isRegularFile(file)) {
            throw error.apply("%s names %s, which does not exist".formatted(property, file));
        }
        return file;
    }

    private Path path() throws FileNotFoundException {
        if (OTHER_SCHEME.matcher(value).matches()) {
            throw new InvalidPropertyException(
                    property, value, "a path, or a location that starts with file: or classpath:");
        }
        try {
            return ResourceUtils.getFile(value).toPath().toAbsolutePath();
        } catch (InvalidPathException e) {
            throw new InvalidPropertyException(property, value, "a path: " + e.getMessage());
        }
    }

    private Path classPathFile(ResourceLoader resources) throws IOException {
        Resource resource = resources.getResource(value);
        return resource.isFile() ? resource.getFile().toPath() : copy(resource, cacheFolder());
    }

    /** The copy of {@code resource}: it is named after its content, so an old copy is never taken for a new file. */
    static Path copy(Resource resource, Path cache) throws IOException {
        Path copy = cache.resolve(sha256(resource))
                .resolve(Optional.ofNullable(resource.getFilename()).orElse("file"));
        if (!Files.exists(copy) || Files.size(copy) != resource.contentLength()) {
            Files.createDirectories(copy.getParent());
            // Written under another name first: a process that opens the copy never sees half of it.
            Path part = Files.createTempFile(copy.getParent(), "copying", ".part");
            try (InputStream in = resource.getInputStream()) {
                Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
                Files.move(part, copy, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        }
        return copy;
    }

    private static String sha256(Resource resource) throws IOException {
        try (InputStream in = resource.getInputStream()) {
            DigestInputStream digested = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"));
            digested.transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(digested.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    private static Path cacheFolder() {
        return Optional.ofNullable(System.getenv("XDG_CACHE_HOME"))
                .map(Path::of)
                .filter(Path::isAbsolute)
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("rwkv4j");
    }
}
