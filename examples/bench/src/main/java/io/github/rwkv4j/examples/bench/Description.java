package io.github.rwkv4j.examples.bench;

import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.model.Model;
import io.github.rwkv4j.engine.model.ModelConfig;
import io.github.rwkv4j.engine.model.ModelOptions;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a checkpoint is.
 *
 * @param file its name
 * @param generation such as {@code RWKV-7}
 * @param layers number of blocks
 * @param embeddingSize width of the residual stream
 * @param heads number of heads; 0 in RWKV-2 to RWKV-4, which have none
 * @param headSize width of a head; 0 where there are none
 * @param ffnSize width of the channel mixing's hidden layer
 * @param vocabularySize number of token ids, padding included
 * @param contextLength most tokens of a session, in RWKV-1; 0 where there is no end
 * @param parameters number of weights
 * @param dtypes how many of the weights the file stores in which type, the commonest first
 * @param stateBytes memory of a session's state
 * @param stateBytesPerToken what it grows by with each token: 0, but in RWKV-1 and with a copy head
 * @param stateGrowsUntil how many tokens it grows for: RWKV-1's context length, a copy head's window, or 0 for no end
 * @param memoryBytes memory of the weights by how they are quantised when the model is opened
 */
record Description(
        String file,
        String generation,
        int layers,
        int embeddingSize,
        int heads,
        int headSize,
        int ffnSize,
        int vocabularySize,
        int contextLength,
        long parameters,
        Map<String, Long> dtypes,
        long stateBytes,
        long stateBytesPerToken,
        int stateGrowsUntil,
        Map<String, Long> memoryBytes) {

    /** @throws CheckpointException if the engine would refuse to open it */
    static Description of(Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            try {
                return of(file, checkpoint.tensors());
            } catch (CheckpointException e) {
                // What is wrong was found by parts that know no path.
                throw new CheckpointException(file + ": " + e.getMessage(), e);
            }
        }
    }

    private static Description of(Path file, Map<String, Tensor> tensors) {
        Map<String, Long> memory = new LinkedHashMap<>();
        for (Quantization quantization : Quantization.values()) {
            WeightCount weights = new WeightCount();
            Model.load(weights.device(), tensors, new ModelOptions(quantization, 1, 1));
            memory.put(QuantizeOption.label(quantization), weights.bytes());
        }
        Model model = Model.load(new WeightCount().device(), tensors, new ModelOptions(Quantization.NONE, 1, 1));
        ModelConfig config = model.config();
        StateLayout state = model.stateLayout();
        return new Description(
                file.getFileName().toString(),
                config.architecture().label(),
                config.layers(),
                config.embeddingSize(),
                config.heads(),
                config.headSize(),
                config.ffnSize(),
                config.vocabularySize(),
                config.contextLength(),
                config.parameters(),
                dtypes(tensors),
                state.bytes(),
                4L * state.historyWidth(),
                state.historyWidth() > 0 && state.window() == 0 ? config.contextLength() : state.window(),
                memory);
    }

    private static Map<String, Long> dtypes(Map<String, Tensor> tensors) {
        Map<String, Long> counts = tensors.values().stream()
                .collect(Collectors.groupingBy(
                        tensor -> tensor.dtype().name(), Collectors.summingLong(Tensor::elements)));
        return counts.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, Long::sum, LinkedHashMap::new));
    }

    String table() {
        String types = dtypes.entrySet().stream()
                .map(type -> "%s (%.1f %%)".formatted(type.getKey(), 100.0 * type.getValue() / parameters))
                .collect(Collectors.joining(", "));
        String memory = memoryBytes.entrySet().stream()
                .map(need -> "%s %s".formatted(mebibytes(need.getValue()), need.getKey()))
                .collect(Collectors.joining(", "));
        String growth = stateBytesPerToken == 0
                ? ""
                : ", and %d bytes more for each token%s"
                        .formatted(
                                stateBytesPerToken, stateGrowsUntil == 0 ? "" : " up to %d".formatted(stateGrowsUntil));
        return String.format(
                Locale.ROOT,
                """
                file             %s
                generation       %s
                sizes            %d layers, width %d, channel mixing %d%s
                vocabulary       %d ids
                parameters       %,d
                stored as        %s
                state            %,d bytes for each session%s
                weights need     %s""",
                file,
                generation,
                layers,
                embeddingSize,
                ffnSize,
                heads == 0 ? "" : ", %d heads of %d".formatted(heads, headSize),
                vocabularySize,
                parameters,
                types,
                stateBytes,
                growth,
                memory);
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0);
    }
}
