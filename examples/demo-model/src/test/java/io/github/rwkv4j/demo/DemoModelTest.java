package io.github.rwkv4j.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoModelTest {
    @TempDir
    private Path directory;

    @Test
    void liesInAFolderNamedAfterItsWeights() throws Exception {
        Path weights = DemoModel.extractTo(directory);

        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(weights));
        String hash = HexFormat.of().formatHex(digest);
        assertThat(weights).isEqualTo(directory.resolve(hash).resolve("rwkv-demo/model.safetensors"));
        assertThat(Files.readString(Path.of("README.md"))).contains(hash);
        assertThat(Files.readAllLines(weights.resolveSibling("vocab.txt"))).hasSizeGreaterThan(1000);
    }

    @Test
    void bringsItsModelCard() throws Exception {
        try (var card = DemoModel.class.getResourceAsStream("README.md")) {
            assertThat(card).isNotNull();
            assertThat(card.readAllBytes()).isEqualTo(Files.readAllBytes(Path.of("README.md")));
        }
    }

    @Test
    void keepsFilesThatAreThereAlready() throws Exception {
        Path weights = DemoModel.extractTo(directory);
        FileTime longAgo = FileTime.from(Instant.parse("2001-01-01T00:00:00Z"));
        Files.setLastModifiedTime(weights, longAgo);

        assertThat(DemoModel.extractTo(directory)).isEqualTo(weights);

        assertThat(Files.getLastModifiedTime(weights)).isEqualTo(longAgo);
    }

    @Test
    void replacesDamagedFiles() throws Exception {
        Path weights = DemoModel.extractTo(directory);
        byte[] whole = Files.readAllBytes(weights);
        byte[] damaged = whole.clone();
        damaged[damaged.length / 2] ^= 1;
        Files.write(weights, damaged);
        Files.writeString(weights.resolveSibling("vocab.txt"), "half a fi");

        DemoModel.extractTo(directory);

        assertThat(Files.readAllBytes(weights)).isEqualTo(whole);
        assertThat(Files.readAllLines(weights.resolveSibling("vocab.txt"))).hasSizeGreaterThan(1000);
    }

    @Test
    void isWholeWhoeverExtractsItAtTheSameTime() throws Exception {
        byte[] whole = Files.readAllBytes(DemoModel.extractTo(directory.resolve("alone")));
        Path shared = directory.resolve("shared");
        Callable<byte[]> extraction = () -> Files.readAllBytes(DemoModel.extractTo(shared));
        List<byte[]> seen = new ArrayList<>();
        try (var executor = Executors.newFixedThreadPool(8)) {
            for (Future<byte[]> future : executor.invokeAll(
                    Stream.generate(() -> extraction).limit(16).toList())) {
                seen.add(future.get());
            }
        }

        assertThat(seen).hasSize(16).allSatisfy(content -> assertThat(content).isEqualTo(whole));
        try (Stream<Path> files = Files.walk(shared).filter(Files::isRegularFile)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("model.safetensors", "vocab.txt");
        }
    }

    @Test
    void createsDirectoriesForTheOwnerAlone() throws Exception {
        Path created = directory.resolve("new");

        DemoModel.extractTo(created);

        try (Stream<Path> directories = Files.walk(created).filter(Files::isDirectory)) {
            assertThat(directories)
                    .hasSize(3)
                    .allSatisfy(path -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                            .isEqualTo("rwx------"));
        }
    }

    @Test
    void prefersTheUsersCacheFolder() {
        assertThat(DemoModel.cacheFolder("/caches", "/home/ann")).isEqualTo(Path.of("/caches/rwkv4j"));
        assertThat(DemoModel.cacheFolder(null, "/home/ann")).isEqualTo(Path.of("/home/ann/.cache/rwkv4j"));
        assertThat(DemoModel.cacheFolder(" ", "/home/ann")).isEqualTo(Path.of("/home/ann/.cache/rwkv4j"));
        assertThat(DemoModel.cacheFolder("relative", "/home/ann")).isEqualTo(Path.of("/home/ann/.cache/rwkv4j"));
    }

    @Test
    void fallsBackToATemporaryDirectoryOfItsOwn() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "a file, not a folder");

        Path weights = DemoModel.extract(file.resolve("rwkv4j"));
        Path another = DemoModel.extract(file.resolve("rwkv4j"));

        assertThat(weights).startsWith(Path.of(System.getProperty("java.io.tmpdir")));
        assertThat(Files.mismatch(weights, DemoModel.extractTo(directory))).isEqualTo(-1);
        assertThat(new HashSet<>(List.of(weights, another))).hasSize(2);
    }

    @Test
    void saysWhereItCouldNotBeCopied() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "a file, not a folder");

        assertThatThrownBy(() -> DemoModel.extractTo(file))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("directory that can be written");
    }
}
