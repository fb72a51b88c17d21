package io.github.rwkv4j.engine.compute.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.rwkv4j.engine.errors.RwkvException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * Native memory for weights, all zero at first, freed with its arena. On Linux, where the JVM lets this library call
 * native functions, it is made of pages of 2 MiB instead of 4 KiB: the processor's prefetchers stop at the end of a page,
 * so weights that are read from end to end arrive faster. Not thread-safe.
 */
final class WeightMemory implements SegmentAllocator {
    private static final long LARGE_PAGE = 2L << 20;

    /** What is asked of the system at once; the part that nobody writes to takes no memory. */
    private static final long CHUNK = 256L << 20;

    private final Arena arena;
    private final boolean largePages;
    private MemorySegment chunk = MemorySegment.NULL;
    private long used;

    WeightMemory(Arena arena) {
        this.arena = arena;
        // Without the permission the calls would work as well, but the JVM would print a warning.
        this.largePages = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("linux")
                && WeightMemory.class.getModule().isNativeAccessEnabled();
    }

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        if (!largePages) {
            return arena.allocate(bytes, alignment);
        }
        long start = Math.ceilDiv(used, alignment) * alignment;
        if (start + bytes > chunk.byteSize()) {
            chunk = Linux.mapLargePages(Math.max(CHUNK, bytes), arena);
            start = 0;
        }
        used = start + bytes;
        return chunk.asSlice(start, bytes);
    }

    /** The system calls; the constants are those of every Linux that runs Java 25. */
    private static final class Linux {
        private static final int PROT_READ_WRITE = 1 | 2;
        private static final int MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
        private static final int MADV_HUGEPAGE = 14;

        private static final MethodHandle MMAP = find(
                "mmap", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
        private static final MethodHandle MUNMAP = find("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
        private static final MethodHandle MADVISE =
                find("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

        private static MethodHandle find(String function, FunctionDescriptor descriptor) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor);
        }

        static MemorySegment mapLargePages(long bytes, Arena arena) {
            // Room to begin at a multiple of the page size.
            long mapped = bytes + LARGE_PAGE;
            try {
                MemorySegment address = (MemorySegment)
                        MMAP.invokeExact(MemorySegment.NULL, mapped, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
                if (address.address() == -1) {
                    throw new RwkvException(
                            "The system refused %d bytes of memory for weights: free some, or open the model with smaller weights (quantisation)"
                                    .formatted(mapped));
                }
                MemorySegment whole = address.reinterpret(mapped, arena, Linux::unmap);
                long skipped = -address.address() & (LARGE_PAGE - 1);
                MemorySegment chunk = whole.asSlice(skipped, bytes);
                // A mere wish: where it is refused, the pages are small.
                int _ = (int) MADVISE.invokeExact(chunk, bytes, MADV_HUGEPAGE);
                return chunk;
            } catch (RwkvException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        private static void unmap(MemorySegment whole) {
            try {
                int _ = (int) MUNMAP.invokeExact(whole, whole.byteSize());
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
