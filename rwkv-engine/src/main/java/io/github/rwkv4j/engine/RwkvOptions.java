package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.model.Architecture;
import io.github.rwkv4j.engine.weights.Quantization;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a model is opened and served.
 *
 * @param vocabulary the vocabulary file; empty looks beside the model
 * @param quantization how the matrices are kept in memory
 * @param threads worker threads, 0 for as many as there are processors
 * @param maxSessions most requests that go through the weights together
 * @param queueCapacity most requests that wait for their turn; one more is refused
 * @param prefillRows most prompt tokens in one step, so that a long prompt lets other sessions keep their pace
 * @param architecture what the checkpoint is; empty recognises it, which is right but for an RWKV-3 whose decays lost their
 *     shape [C, 1]
 * @param copyWindow how many of the last tokens the copy head of RWKV-2 to RWKV-4 looks back on; 0 for as many as the
 *     checkpoint says, which may be all
 */
public record RwkvOptions(
        Optional<Path> vocabulary,
        Quantization quantization,
        int threads,
        int maxSessions,
        int queueCapacity,
        int prefillRows,
        Optional<Architecture> architecture,
        int copyWindow) {

    public static final RwkvOptions DEFAULT = builder().build();

    public RwkvOptions {
        require(threads >= 0 && threads <= 1024, "threads", threads, "from 0 (all processors) to 1024");
        require(maxSessions >= 1 && maxSessions <= 4096, "maxSessions", maxSessions, "from 1 to 4096");
        require(queueCapacity >= 0, "queueCapacity", queueCapacity, "0 or more");
        require(
                copyWindow >= 0 && copyWindow <= 1 << 22,
                "copyWindow",
                copyWindow,
                "from 0 (as the model says) to 4194304");
        require(prefillRows >= 1 && prefillRows <= 4096, "prefillRows", prefillRows, "from 1 to 4096");
    }

    private static void require(boolean holds, String name, int value, String range) {
        if (!holds) {
            throw new InvalidRequestException("%s is %d but must be %s".formatted(name, value, range));
        }
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Defaults: weights as the file has them, all processors, 64 sessions, 256 waiting, 256 prompt rows a step. */
    public static final class Builder {
        private Optional<Path> vocabulary = Optional.empty();
        private Quantization quantization = Quantization.NONE;
        private int threads = 0;
        private int maxSessions = 64;
        private int queueCapacity = 256;
        private int prefillRows = 256;
        private Optional<Architecture> architecture = Optional.empty();
        private int copyWindow = 0;

        private Builder() {}

        public Builder vocabulary(Path vocabulary) {
            this.vocabulary = Optional.of(vocabulary);
            return this;
        }

        public Builder quantization(Quantization quantization) {
            this.quantization = quantization;
            return this;
        }

        public Builder threads(int threads) {
            this.threads = threads;
            return this;
        }

        public Builder maxSessions(int maxSessions) {
            this.maxSessions = maxSessions;
            return this;
        }

        public Builder queueCapacity(int queueCapacity) {
            this.queueCapacity = queueCapacity;
            return this;
        }

        public Builder prefillRows(int prefillRows) {
            this.prefillRows = prefillRows;
            return this;
        }

        public Builder architecture(Architecture architecture) {
            this.architecture = Optional.of(architecture);
            return this;
        }

        public Builder copyWindow(int copyWindow) {
            this.copyWindow = copyWindow;
            return this;
        }

        public RwkvOptions build() {
            return new RwkvOptions(
                    vocabulary,
                    quantization,
                    threads,
                    maxSessions,
                    queueCapacity,
                    prefillRows,
                    architecture,
                    copyWindow);
        }
    }
}
