package io.github.rwkv4j.engine.compute.cpu;

import io.github.rwkv4j.engine.errors.RwkvException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the kernels once per process, and says in one log line which and why: native ones where this build and this
 * machine have them, otherwise the Vector API where the JVM was started with it, otherwise scalar Java. The system property
 * {@value #PROPERTY} ({@code native}, {@code vector} or {@code scalar}) insists on one of them.
 */
final class KernelLookup {
    static final String PROPERTY = "rwkv.kernels";
    private static final Logger LOG = LoggerFactory.getLogger(KernelLookup.class);

    private KernelLookup() {}

    /** The best kernels for this JVM. */
    static Kernels best() {
        return Holder.BEST;
    }

    /** Initialised at first use, by one thread, without a lock of ours. */
    private static final class Holder {
        static final Kernels BEST = choose();
    }

    private static Kernels choose() {
        Kernels kernels =
                switch (System.getProperty(PROPERTY, "")) {
                    case "" -> fastest();
                    case "native" -> insisted();
                    case "vector" -> new VectorKernels();
                    case "scalar" -> new ScalarKernels();
                    default ->
                        throw new RwkvException("The system property %s is %s but must be native, vector or scalar"
                                .formatted(PROPERTY, System.getProperty(PROPERTY)));
                };
        LOG.info("RWKV runs on {}", kernels.name());
        return kernels;
    }

    private static Kernels insisted() {
        try {
            NativeLibrary.get();
            return new NativeKernels();
        } catch (NativeLibrary.UnavailableException e) {
            throw new RwkvException("There are no native kernels: " + e.getMessage(), e);
        }
    }

    private static Kernels fastest() {
        try {
            NativeLibrary.get();
            return new NativeKernels();
        } catch (NativeLibrary.UnavailableException e) {
            if (hasVectors()) {
                LOG.info("No native kernels: {}", e.getMessage());
                return new VectorKernels();
            }
            LOG.warn(
                    "RWKV runs many times slower than this machine can. No native kernels: {}. No Vector API: start the "
                            + "JVM with '--add-modules jdk.incubator.vector'",
                    e.getMessage());
            return new ScalarKernels();
        }
    }

    /** The module is an incubator: it is there only if the JVM was started with it. */
    static boolean hasVectors() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }
}
