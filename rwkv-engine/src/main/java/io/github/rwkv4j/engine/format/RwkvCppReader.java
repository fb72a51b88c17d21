package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Reads the {@code .bin} files of rwkv.cpp: a header, then tensor after tensor (spec: formats, section d). */
final class RwkvCppReader implements CheckpointReader {
    private static final int HEADER = 24;
    private static final int OLD_VERSION = 100;
    private static final int VERSION = 101;
    private static final int MAX_NAME = 512;
    private static final int MAX_RANK = 4;

    /** Where the original code has 64e-5; for RWKV-6 and 7 rwkv.cpp has that as well. */
    private static final String EPSILON_OF_ITS_RWKV_5 = "1e-5";

    private static final Map<Integer, DType> TYPES = Map.of(
            0, DType.F32,
            1, DType.F16,
            2, DType.Q4_0,
            3, DType.Q4_1,
            7, DType.Q5_0,
            8, DType.Q5_1,
            9, DType.Q8_0);

    @Override
    public Contents read(FileBytes file, Arena arena) {
        int version = file.int32(4);
        if (version != OLD_VERSION && version != VERSION) {
            throw new CheckpointException(
                    "is a file of rwkv.cpp of version %d; expected %d or %d, convert the model again"
                            .formatted(version, OLD_VERSION, VERSION));
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (ByteCursor cursor = new ByteCursor(file, HEADER); !cursor.atEnd(); ) {
            Tensor tensor = readTensor(cursor, version);
            if (tensors.put(tensor.name(), tensor) != null) {
                throw damaged("holds the tensor %s twice; expected unique names".formatted(quoted(tensor.name())));
            }
            if (tensors.size() > TensorTable.MAX_TENSORS) {
                throw damaged("holds more than " + TensorTable.MAX_TENSORS + " tensors");
            }
        }
        Tensor embedding = tensors.get("emb.weight");
        if (embedding == null || file.int32(8) != embedding.shape()[0]) {
            throw damaged("tells of a vocabulary of %d ids, but its embedding is %s"
                    .formatted(file.int32(8), embedding == null ? "missing" : "of another size"));
        }
        return new Contents(
                RwkvCppNames.toOfficial(tensors, new Rearrangement(arena)),
                Map.of(Checkpoint.HEAD_NORM_EPSILON, EPSILON_OF_ITS_RWKV_5),
                Optional.empty());
    }

    private static Tensor readTensor(ByteCursor cursor, int version) {
        int rank = cursor.int32();
        int length = cursor.int32();
        int type = cursor.int32();
        if (rank < 1 || rank > MAX_RANK || length < 1 || length > MAX_NAME) {
            throw damaged("tensor before byte %d has %d dimensions and a name of %d bytes; expected 1 to %d and 1 to %d"
                    .formatted(cursor.position(), rank, length, MAX_RANK, MAX_NAME));
        }
        // The file counts from the contiguous dimension outwards.
        long[] shape = new long[rank];
        for (int i = rank - 1; i >= 0; i--) {
            shape[i] = cursor.int32();
        }
        String name = cursor.utf8(length, "tensor name");
        DType dtype = TYPES.get(type);
        if (dtype == null || dtype.isQuantized() && version == OLD_VERSION) {
            throw new CheckpointException(
                    "tensor %s has the type %d in a file of version %d; expected 0, 1, or in version %d one of %s, convert the model again"
                            .formatted(
                                    quoted(name),
                                    type,
                                    version,
                                    VERSION,
                                    TYPES.keySet().stream().sorted().toList()));
        }
        FileBytes data = cursor.bytes(TensorTable.bytesOfWeights(name, dtype, shape), "tensor " + quoted(name));
        return new Tensor(name, dtype, shape, data.segment());
    }
}
