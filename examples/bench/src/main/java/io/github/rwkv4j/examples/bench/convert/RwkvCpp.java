package io.github.rwkv4j.examples.bench.convert;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.model.Architecture;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** A {@code .bin} file of rwkv.cpp: a short header, then tensor after tensor (spec: formats, section d). */
record RwkvCpp(List<Piece> pieces, WeightType type, int vocabulary, int width, int layers) implements Container {
    private static final int MAGIC = 0x67676d66;
    private static final int VERSION = 101;
    /** With which rwkv.cpp runs RWKV-5; the official code has {@value #OFFICIAL_EPSILON}. */
    private static final float EPSILON = 1e-5f;

    private static final float OFFICIAL_EPSILON = 64e-5f;

    /** @throws CheckpointException if it is no network that rwkv.cpp runs, or one with parts that it doesn't know */
    static RwkvCpp of(Checkpoint checkpoint, WeightType type) {
        Map<String, Tensor> tensors = checkpoint.tensors();
        Architecture architecture = Architecture.recognise(tensors);
        if (architecture.compareTo(Architecture.RWKV_4) < 0) {
            throw new CheckpointException(
                    "%s is %s, but rwkv.cpp's files, which quantised weights are written to, hold RWKV-4 to RWKV-7"
                            .formatted(checkpoint.file(), architecture.label()));
        }
        List<Piece> pieces = new RwkvCppLayout(architecture, type, valueScale(checkpoint)).pieces(tensors.values());
        long[] embedding = pieces.stream()
                .filter(piece -> piece.name().equals("emb.weight"))
                .findFirst()
                .orElseThrow(() -> new CheckpointException(checkpoint.file() + " has no emb.weight"))
                .shape();
        int layers = (int) pieces.stream()
                .filter(piece -> piece.name().endsWith(".ln1.weight"))
                .count();
        return new RwkvCpp(pieces, type, (int) embedding[0], (int) embedding[1], layers);
    }

    /**
     * By what RWKV-5's values are multiplied: a norm of x with one epsilon is the norm of s x with s² times that epsilon,
     * and what is normed is linear in the values.
     */
    private static float valueScale(Checkpoint checkpoint) {
        String noted = checkpoint.metadata().get(Checkpoint.HEAD_NORM_EPSILON);
        float epsilon = noted == null ? OFFICIAL_EPSILON : Float.parseFloat(noted);
        return (float) Math.sqrt(EPSILON / epsilon);
    }

    private static int number(WeightType type) {
        return switch (type) {
            case F32 -> 0;
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q8_0 -> 9;
            case BF16 -> throw new IllegalArgumentException("rwkv.cpp has no bf16");
        };
    }

    @Override
    public void writeHeader(WritableByteChannel out) throws IOException {
        writeNumbers(out, MAGIC, VERSION, vocabulary, width, layers, number(type));
    }

    @Override
    public void writeHeader(Piece piece, WritableByteChannel out) throws IOException {
        byte[] name = piece.name().getBytes(StandardCharsets.UTF_8);
        int rank = piece.shape().length;
        int[] header = new int[3 + rank];
        header[0] = rank;
        header[1] = name.length;
        header[2] = number(piece.type());
        for (int i = 0; i < rank; i++) {
            // From the contiguous dimension outwards.
            header[3 + i] = Math.toIntExact(piece.shape()[rank - 1 - i]);
        }
        writeNumbers(out, header);
        Piece.write(ByteBuffer.wrap(name), out);
    }

    private static void writeNumbers(WritableByteChannel out, int... numbers) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int number : numbers) {
            bytes.putInt(number);
        }
        Piece.write(bytes.flip(), out);
    }
}
