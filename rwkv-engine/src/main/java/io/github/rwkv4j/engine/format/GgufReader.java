package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads GGUF as llama.cpp's converter writes it for RWKV-6 and RWKV-7: metadata with the vocabulary, a list of tensors,
 * then their data (spec: formats, section c).
 */
final class GgufReader implements CheckpointReader {
    private static final int MAX_NAME = 512;
    private static final int MAX_RANK = 4;
    private static final long MAX_ALIGNMENT = 1 << 20;

    /** ggml's numbers of the types that can be read. */
    private static final Map<Integer, DType> TYPES = Map.ofEntries(
            Map.entry(0, DType.F32),
            Map.entry(1, DType.F16),
            Map.entry(2, DType.Q4_0),
            Map.entry(3, DType.Q4_1),
            Map.entry(6, DType.Q5_0),
            Map.entry(7, DType.Q5_1),
            Map.entry(8, DType.Q8_0),
            Map.entry(12, DType.Q4_K),
            Map.entry(13, DType.Q5_K),
            Map.entry(14, DType.Q6_K),
            Map.entry(30, DType.BF16));

    /** Those that cannot, where llama.cpp has a name for them; the other numbers are told as such. */
    private static final Map<Integer, String> UNREAD_TYPES = Map.ofEntries(
            Map.entry(9, "Q8_1"),
            Map.entry(10, "Q2_K"),
            Map.entry(11, "Q3_K"),
            Map.entry(15, "Q8_K"),
            Map.entry(16, "IQ2_XXS"),
            Map.entry(17, "IQ2_XS"),
            Map.entry(18, "IQ3_XXS"),
            Map.entry(19, "IQ1_S"),
            Map.entry(20, "IQ4_NL"),
            Map.entry(21, "IQ3_S"),
            Map.entry(22, "IQ2_S"),
            Map.entry(23, "IQ4_XS"),
            Map.entry(24, "I8"),
            Map.entry(25, "I16"),
            Map.entry(26, "I32"),
            Map.entry(27, "I64"),
            Map.entry(28, "F64"),
            Map.entry(29, "IQ1_M"),
            Map.entry(34, "TQ1_0"),
            Map.entry(35, "TQ2_0"),
            Map.entry(39, "MXFP4"));

    private record Placed(String name, DType dtype, long[] shape, long offset) {}

    @Override
    public Contents read(FileBytes file, Arena arena) {
        ByteCursor cursor = new ByteCursor(file, 4);
        long version = cursor.unsignedInt();
        if (version != 2 && version != 3) {
            throw new CheckpointException(
                    "is a GGUF file of version %d; expected 2 or 3, convert the model again".formatted(version));
        }
        long tensorCount = cursor.int64();
        if (tensorCount < 1 || tensorCount > TensorTable.MAX_TENSORS) {
            throw damaged(
                    "GGUF file tells of %d tensors; expected 1 to %d".formatted(tensorCount, TensorTable.MAX_TENSORS));
        }
        GgufMetadata metadata = GgufMetadata.read(cursor);
        requireOneFile(metadata);
        GgufNames names = GgufNames.of(metadata, new Rearrangement(arena));
        List<Placed> placed = new ArrayList<>();
        for (long i = 0; i < tensorCount; i++) {
            placed.add(readTensorInfo(cursor));
        }
        long alignment = alignment(metadata);
        long begin = Math.ceilDiv(cursor.position(), alignment) * alignment;
        addTensors(placed, file, begin, alignment, names);
        return new Contents(names.tensors(), metadata.values(), metadata.vocabulary());
    }

    private static void requireOneFile(GgufMetadata metadata) {
        long parts = metadata.number("split.count", 1);
        if (parts != 1 && parts != 0) {
            throw new CheckpointException("is part %d of a GGUF model split into %d files; expected a single file,"
                            .formatted(metadata.number("split.no", 0) + 1, parts)
                    + " merge them with llama-gguf-split --merge");
        }
    }

    private static long alignment(GgufMetadata metadata) {
        long alignment = metadata.number("general.alignment", 32);
        if (alignment < 1 || alignment > MAX_ALIGNMENT || Long.bitCount(alignment) != 1) {
            throw damaged("GGUF file has an alignment of %d; expected a power of two up to %d"
                    .formatted(alignment, MAX_ALIGNMENT));
        }
        return alignment;
    }

    private static Placed readTensorInfo(ByteCursor cursor) {
        String name = cursor.utf8(cursor.length(MAX_NAME, "tensor name"), "tensor name");
        int rank = cursor.int32();
        if (rank < 1 || rank > MAX_RANK) {
            throw damaged("tensor %s has %d dimensions; expected 1 to %d".formatted(quoted(name), rank, MAX_RANK));
        }
        // The file counts from the contiguous dimension outwards.
        long[] shape = new long[rank];
        for (int i = rank - 1; i >= 0; i--) {
            shape[i] = cursor.int64();
        }
        int type = cursor.int32();
        DType dtype = TYPES.get(type);
        if (dtype == null) {
            throw new CheckpointException("tensor %s has the type %s; expected one of %s, quantise the model to one"
                    .formatted(
                            quoted(name),
                            UNREAD_TYPES.getOrDefault(type, "number " + Integer.toUnsignedString(type)),
                            TYPES.values().stream().sorted().toList()));
        }
        return new Placed(name, dtype, shape, cursor.int64());
    }

    private static void addTensors(List<Placed> placed, FileBytes file, long begin, long alignment, GgufNames names) {
        List<Range> ranges = new ArrayList<>();
        for (Placed tensor : placed) {
            long bytes = TensorTable.bytesOfWeights(tensor.name, tensor.dtype, tensor.shape);
            if (tensor.offset < 0 || tensor.offset % alignment != 0 || tensor.offset > file.size() - begin - bytes) {
                throw damaged("tensor %s of %d bytes lies at %d; expected a multiple of %d and an end within %d bytes"
                        .formatted(quoted(tensor.name), bytes, tensor.offset, alignment, file.size() - begin));
            }
            ranges.add(new Range(tensor.name, tensor.offset, tensor.offset + bytes));
        }
        // Before anything is copied: each byte of the file is copied at most once.
        Range.requireDisjoint(ranges);
        for (Placed tensor : placed) {
            FileBytes data = file.slice(
                    begin + tensor.offset,
                    TensorTable.bytesOfWeights(tensor.name, tensor.dtype, tensor.shape),
                    "tensor");
            names.add(new Tensor(tensor.name, tensor.dtype, tensor.shape, data.segment()));
        }
    }
}
