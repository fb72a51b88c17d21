package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.DefaultResourceLoader;

class FileLocationTest {
    @TempDir
    private Path directory;

    @Test
    void copiesAResourceOutOfAJarOnce() throws IOException {
        try (URLClassLoader jar = jar("model", "first")) {
            Path copy = FileLocation.copy(new ClassPathResource("models/small", jar), directory);
            FileTime written = Files.getLastModifiedTime(copy);

            assertThat(copy).startsWith(directory).hasFileName("small").hasContent("first");
            assertThat(FileLocation.copy(new ClassPathResource("models/small", jar), directory))
                    .isEqualTo(copy);
            assertThat(Files.getLastModifiedTime(copy)).isEqualTo(written);
            try (Stream<Path> files = Files.list(copy.getParent())) {
                assertThat(files).containsExactly(copy);
            }
        }
    }

    @Test
    void takesNoOldCopyForANewResource() throws IOException {
        try (URLClassLoader before = jar("before", "first");
                URLClassLoader after = jar("after", "later")) {
            FileLocation.copy(new ClassPathResource("models/small", before), directory);

            assertThat(FileLocation.copy(new ClassPathResource("models/small", after), directory))
                    .hasContent("later");
        }
    }

    @Test
    void repairsACopyThatIsCutShort() throws IOException {
        try (URLClassLoader jar = jar("model", "first")) {
            Path copy = FileLocation.copy(new ClassPathResource("models/small", jar), directory);
            Files.writeString(copy, "fi");

            assertThat(FileLocation.copy(new ClassPathResource("models/small", jar), directory))
                    .hasContent("first");
        }
    }

    @Test
    void opensAFolderOfTheClassPathInPlace() throws IOException {
        Path file = Files.writeString(directory.resolve("model"), "weights");
        try (URLClassLoader folder =
                new URLClassLoader(new URL[] {directory.toUri().toURL()})) {
            assertThat(new FileLocation("rwkv.model", "classpath:model")
                            .resolve(new DefaultResourceLoader(folder), ModelNotFoundException::new))
                    .isEqualTo(file);
        }
    }

    @Test
    void readsAPathRelativeToTheWorkingDirectory() {
        assertThat(new FileLocation("rwkv.model", "pom.xml")
                        .resolve(new DefaultResourceLoader(), ModelNotFoundException::new))
                .isEqualTo(Path.of("pom.xml").toAbsolutePath());
    }

    @Test
    void readsAFileLocation() throws IOException {
        Path file = Files.writeString(directory.resolve("a model"), "weights");

        assertThat(new FileLocation("rwkv.model", file.toUri().toString())
                        .resolve(new DefaultResourceLoader(), ModelNotFoundException::new))
                .isEqualTo(file);
    }

    private URLClassLoader jar(String name, String content) throws IOException {
        Path file = directory.resolve(name + ".jar");
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(file))) {
            jar.putNextEntry(new JarEntry("models/small"));
            jar.write(content.getBytes(StandardCharsets.UTF_8));
            jar.closeEntry();
        }
        return new URLClassLoader(new URL[] {file.toUri().toURL()});
    }
}
