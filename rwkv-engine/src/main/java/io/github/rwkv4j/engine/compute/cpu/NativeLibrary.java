package io.github.rwkv4j.engine.compute.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The C kernels in this library's jar, unpacked and loaded. They are unpacked once for each version into a folder that
 * belongs to this user alone, and what lies there is compared with the jar's content before it is loaded.
 */
final class NativeLibrary {
    static final String PROPERTY = "rwkv.instructions";
    private static final String FILE = "librwkv_kernels.so";

    private final SymbolLookup functions;
    private final String instructionSet;

    private NativeLibrary(SymbolLookup functions, String instructionSet) {
        this.functions = functions;
        this.instructionSet = instructionSet;
    }

    /**
     * The kernels for this machine, loaded at the first call.
     *
     * @throws UnavailableException saying why there are none
     */
    static NativeLibrary get() throws UnavailableException {
        if (Holder.WHY_NOT != null) {
            throw Holder.WHY_NOT;
        }
        return Objects.requireNonNull(Holder.LIBRARY);
    }

    /** Loaded once, by one thread, without a lock of ours. */
    private static final class Holder {
        static final @Nullable NativeLibrary LIBRARY;
        static final @Nullable UnavailableException WHY_NOT;

        static {
            NativeLibrary library = null;
            UnavailableException whyNot = null;
            try {
                library = load();
            } catch (UnavailableException e) {
                whyNot = e;
            }
            LIBRARY = library;
            WHY_NOT = whyNot;
        }
    }

    private static NativeLibrary load() throws UnavailableException {
        String resource = "META-INF/native/%s-%s/%s".formatted(os(), architecture(), FILE);
        byte[] content;
        try (InputStream in = NativeLibrary.class.getClassLoader().getResourceAsStream(resource)) {
            if (in == null) {
                throw new UnavailableException("this build has none for %s on %s".formatted(os(), architecture()));
            }
            content = in.readAllBytes();
            SymbolLookup functions = SymbolLookup.libraryLookup(unpack(content, folder()), Arena.global());
            return new NativeLibrary(functions, instructionSet(functions));
        } catch (IOException e) {
            throw new UnavailableException("they can't be unpacked (%s)".formatted(e));
        } catch (IllegalCallerException e) {
            throw new UnavailableException(
                    "the JVM denies native access: start it with --enable-native-access=ALL-UNNAMED");
        } catch (IllegalArgumentException | UnsatisfiedLinkError e) {
            throw new UnavailableException("they can't be loaded (%s)".formatted(e.getMessage()));
        }
    }

    private static String os() {
        return System.getProperty("os.name").toLowerCase(Locale.ROOT).split(" ", 2)[0];
    }

    private static String architecture() {
        String name = System.getProperty("os.arch");
        return name.equals("amd64") ? "x86_64" : name;
    }

    /** What lies there under the content's own name, but with other content, is replaced. */
    static Path unpack(byte[] content, Path folder) throws IOException {
        Path library = folder.resolve(digest(content) + "-" + FILE);
        if (Files.isRegularFile(library, LinkOption.NOFOLLOW_LINKS)
                && Arrays.equals(Files.readAllBytes(library), content)) {
            return library;
        }
        // Moved into place whole: another JVM may be loading it at this moment.
        Path fresh = Files.createTempFile(folder, "unpacking", ".so");
        try {
            Files.write(fresh, content);
            Files.move(fresh, library, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(fresh);
        }
        return library;
    }

    /** A folder that only this user may write to; for this process alone where the home folder allows none. */
    private static Path folder() throws IOException {
        boolean posix = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
        FileAttribute<?>[] ownerOnly = posix
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
                }
                : new FileAttribute<?>[0];
        Path cache = Path.of(System.getProperty("user.home"), ".cache", "rwkv4j", "native");
        try {
            Files.createDirectories(cache.getParent());
            if (!Files.isDirectory(cache, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectory(cache, ownerOnly);
            }
            if (belongsToUserAlone(cache, posix)) {
                return cache;
            }
        } catch (IOException e) {
            // A home folder that is missing or read-only is usual in containers.
        }
        Path temporary = Files.createTempDirectory("rwkv4j", ownerOnly);
        temporary.toFile().deleteOnExit();
        temporary.resolve(FILE).toFile().deleteOnExit();
        return temporary;
    }

    private static boolean belongsToUserAlone(Path folder, boolean posix) throws IOException {
        if (!posix) {
            return Files.isWritable(folder);
        }
        return Files.isWritable(folder)
                && Files.getOwner(folder).equals(Files.getOwner(Path.of(System.getProperty("user.home"))))
                && PosixFilePermissions.toString(Files.getPosixFilePermissions(folder))
                        .endsWith("------");
    }

    private static String digest(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The system property {@value #PROPERTY} insists on one that this processor has, for tests. */
    private static String instructionSet(SymbolLookup functions) throws UnavailableException {
        MethodHandle function = Linker.nativeLinker()
                .downcallHandle(
                        functions.findOrThrow("rwkv_instruction_set"), FunctionDescriptor.of(ValueLayout.ADDRESS));
        try {
            MemorySegment name = (MemorySegment) function.invokeExact();
            if (name.equals(MemorySegment.NULL)) {
                throw new UnavailableException(
                        "this processor lacks the instructions that they need (AVX2, FMA, F16C)");
            }
            String best = name.reinterpret(64).getString(0);
            String wanted = System.getProperty(PROPERTY, best);
            if (functions.find("rwkv_multiply_" + wanted).isEmpty()) {
                throw new UnavailableException("they know no instructions named " + wanted);
            }
            return wanted;
        } catch (UnavailableException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Such as {@code avx512vnni}. */
    String instructionSet() {
        return instructionSet;
    }

    /** The function for this processor's instruction set. */
    MethodHandle function(String name, FunctionDescriptor descriptor) {
        MemorySegment address = functions.findOrThrow("rwkv_%s_%s".formatted(name, instructionSet));
        return Linker.nativeLinker().downcallHandle(address, descriptor);
    }

    /** There are no native kernels here; the message says why, as the end of a sentence. */
    static final class UnavailableException extends Exception {
        private static final long serialVersionUID = 1;

        UnavailableException(String why) {
            super(why, null, false, false);
        }
    }
}
