package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.compute.Compute;
import java.util.stream.Stream;

/** The implementations of the kernels that this JVM can run, for tests that hold something for each of them. */
public enum KernelChoice {
    SCALAR("scalar Java"),
    VECTOR("Vector API");

    private final String label;

    KernelChoice(String label) {
        this.label = label;
    }

    public static Stream<KernelChoice> available() {
        return Stream.of(values()).filter(choice -> choice == SCALAR || hasVectors());
    }

    private static boolean hasVectors() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    /** A device on these kernels. */
    public Compute device(int threads) {
        return new CpuCompute(this == SCALAR ? new ScalarKernels() : new VectorKernels(), threads);
    }

    @Override
    public String toString() {
        return label;
    }
}
