package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Compute;
import java.util.stream.Stream;

/** The implementations of the kernels that this JVM can run, for tests that hold something for each of them. */
public enum KernelChoice {
    SCALAR("scalar Java"),
    VECTOR("Vector API"),
    NATIVE("native kernels");

    private final String label;

    KernelChoice(String label) {
        this.label = label;
    }

    public static Stream<KernelChoice> available() {
        return Stream.of(values()).filter(KernelChoice::isAvailable);
    }

    boolean isAvailable() {
        return switch (this) {
            case SCALAR -> true;
            case VECTOR -> KernelLookup.hasVectors();
            case NATIVE -> hasNative();
        };
    }

    private static boolean hasNative() {
        try {
            NativeLibrary.get();
            return true;
        } catch (NativeLibrary.UnavailableException e) {
            return false;
        }
    }

    Kernels kernels() {
        return switch (this) {
            case SCALAR -> new ScalarKernels();
            case VECTOR -> new VectorKernels();
            case NATIVE -> new NativeKernels();
        };
    }

    /** A device on these kernels. */
    public Compute device(int threads) {
        return new CpuCompute(kernels(), threads);
    }

    @Override
    public String toString() {
        return label;
    }
}
