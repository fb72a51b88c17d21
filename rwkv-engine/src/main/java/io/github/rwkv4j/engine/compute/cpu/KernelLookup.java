package io.github.rwkv4j.engine.compute.cpu;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses the kernels once per process, and says in one log line which and why. */
final class KernelLookup {
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
        // The module is an incubator: it is there only if the JVM was started with it.
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            LOG.warn("RWKV runs on scalar Java kernels, many times slower than this machine can: start the JVM with "
                    + "'--add-modules jdk.incubator.vector' to run on vectors");
            return new ScalarKernels();
        }
        Kernels vector = new VectorKernels();
        LOG.info("RWKV runs on the {}", vector.name());
        return vector;
    }
}
