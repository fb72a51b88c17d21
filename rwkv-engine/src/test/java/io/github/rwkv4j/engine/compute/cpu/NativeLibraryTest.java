package io.github.rwkv4j.engine.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
    @TempDir
    private Path folder;

    @Test
    void isThereWhereThisBuildHadACompiler() throws NativeLibrary.UnavailableException {
        boolean compiler =
                Stream.of(System.getenv("PATH").split(":")).anyMatch(path -> Files.isExecutable(Path.of(path, "cc")));
        assumeThat(compiler).as("a C compiler named cc").isTrue();
        assertThat(NativeLibrary.get().instructionSet()).isIn("avx512vnni", "avx2", "dotprod", "neon");
        assertThat(KernelLookup.best().name()).startsWith("native kernels");
    }

    @Test
    void isUnpackedOnce() throws IOException {
        byte[] content = {1, 2, 3};
        Path first = NativeLibrary.unpack(content, folder);
        var modified = Files.getLastModifiedTime(first);
        assertThat(NativeLibrary.unpack(content, folder)).isEqualTo(first);
        assertThat(Files.getLastModifiedTime(first)).isEqualTo(modified);
        assertThat(folder).isDirectoryContaining(first::equals);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).hasSize(1);
        }
    }

    @Test
    void isReplacedWhereAnotherContentBearsItsName() throws IOException {
        byte[] content = {1, 2, 3};
        Path library = NativeLibrary.unpack(content, folder);
        Files.write(library, new byte[] {9});
        assertThat(NativeLibrary.unpack(content, folder)).isEqualTo(library).hasBinaryContent(content);
    }

    @Test
    void doesNotFollowALinkThatBearsItsName() throws IOException {
        byte[] content = {1, 2, 3};
        Path library = NativeLibrary.unpack(content, folder);
        Path elsewhere = Files.write(folder.resolve("elsewhere"), content);
        Files.delete(library);
        Files.createSymbolicLink(library, elsewhere);
        assertThat(NativeLibrary.unpack(content, folder)).isRegularFile().isEqualTo(library);
        assertThat(Files.isSymbolicLink(library)).isFalse();
    }
}
