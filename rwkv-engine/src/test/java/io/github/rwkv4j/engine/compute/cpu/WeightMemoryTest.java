package io.github.rwkv4j.engine.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class WeightMemoryTest {
    @Test
    void piecesAreZeroAlignedAndApart() {
        try (Arena arena = Arena.ofShared()) {
            WeightMemory memory = new WeightMemory(arena);
            MemorySegment first = memory.allocate(100, 64);
            MemorySegment second = memory.allocate(3_000_000, 64);
            MemorySegment large = memory.allocate(300L << 20, 64);
            for (MemorySegment piece : new MemorySegment[] {first, second, large}) {
                assertThat(piece.address() % 64).isZero();
                assertThat(piece.get(ValueLayout.JAVA_BYTE, piece.byteSize() - 1))
                        .isZero();
                piece.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
                piece.set(ValueLayout.JAVA_BYTE, piece.byteSize() - 1, (byte) 2);
            }
            assertThat(first.asOverlappingSlice(second)).isEmpty();
            assertThat(second.asOverlappingSlice(large)).isEmpty();
            assertThat(second.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 1);
        }
    }

    @Test
    void isGoneWithItsArena() throws IOException {
        assumeThat(Path.of("/proc/self/status"))
                .as("the memory of this process")
                .exists();
        long before = virtualKilobytes();
        Arena arena = Arena.ofShared();
        MemorySegment piece = new WeightMemory(arena).allocate(2L << 30, 64);
        assertThat(virtualKilobytes() - before).isGreaterThanOrEqualTo(2L << 20);
        arena.close();
        assertThat(virtualKilobytes() - before).isLessThan(1L << 20);
        assertThatThrownBy(() -> piece.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    private static long virtualKilobytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmSize:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
