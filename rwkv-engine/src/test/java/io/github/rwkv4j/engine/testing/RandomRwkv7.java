package io.github.rwkv4j.engine.testing;

import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * RWKV-7 checkpoints of any size with random weights: matrices in float16, vectors in float32, scaled so that activations
 * stay in a natural range. Equal sizes and seeds give equal weights.
 */
public record RandomRwkv7(
        int layers, int width, int headSize, int ffnSize, int vocabulary, int wRank, int aRank, int vRank, int gRank) {

    /** The sizes of the released 0.1B model. */
    public static final RandomRwkv7 SIZE_0_1B = new RandomRwkv7(12, 768, 64, 3072, 65536, 64, 64, 32, 128);

    /** The sizes of the released 0.4B model. */
    public static final RandomRwkv7 SIZE_0_4B = new RandomRwkv7(24, 1024, 64, 4096, 65536, 64, 64, 32, 128);

    /** Few layers over a vocabulary of bytes, for tests. */
    public static RandomRwkv7 small(int layers, int width, int headSize) {
        return new RandomRwkv7(layers, width, headSize, 2 * width, 256, 16, 16, 8, 24);
    }

    /** Writes a random model: {@code 0.1B model.safetensors}. */
    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            throw new IllegalArgumentException("Expected a size (0.1B or 0.4B) and the file to write");
        }
        RandomRwkv7 size =
                switch (arguments[0]) {
                    case "0.1B" -> SIZE_0_1B;
                    case "0.4B" -> SIZE_0_4B;
                    default -> throw new IllegalArgumentException("Expected 0.1B or 0.4B, found " + arguments[0]);
                };
        size.write(Path.of(arguments[1]), 1);
    }

    /** The tensors by their official names, on the heap. */
    public Map<String, Tensor> tensors(long seed) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        shapes().forEach((name, shape) -> tensors.put(name, tensor(name, shape, seed)));
        return tensors;
    }

    /** Writes a safetensors file. */
    public Path write(Path file, long seed) {
        StringBuilder header = new StringBuilder("{");
        long[] at = {0};
        shapes().forEach((name, shape) -> {
            long bytes = Tensor.elements(shape) * dtype(name).bytes();
            header.append(header.length() > 1 ? "," : "")
                    .append(String.format(
                            Locale.ROOT,
                            "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
                            name,
                            dtype(name),
                            java.util.Arrays.toString(shape),
                            at[0],
                            at[0] + bytes));
            at[0] += bytes;
        });
        header.append("}");
        while (header.length() % 8 != 0) {
            header.append(' ');
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            write(
                    channel,
                    ByteBuffer.allocate(8)
                            .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                            .putLong(json.length)
                            .flip());
            write(channel, ByteBuffer.wrap(json));
            for (Map.Entry<String, long[]> entry : shapes().entrySet()) {
                write(
                        channel,
                        tensor(entry.getKey(), entry.getValue(), seed).data().asByteBuffer());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private Map<String, long[]> shapes() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put("emb.weight", new long[] {vocabulary, width});
        norm(shapes, "blocks.0.ln0", width);
        for (int i = 0; i < layers; i++) {
            String att = "blocks." + i + ".att.";
            String ffn = "blocks." + i + ".ffn.";
            norm(shapes, "blocks." + i + ".ln1", width);
            norm(shapes, "blocks." + i + ".ln2", width);
            for (String name : new String[] {"x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "k_k", "k_a"}) {
                shapes.put(att + name, new long[] {1, 1, width});
            }
            adapter(shapes, att + "w", wRank);
            adapter(shapes, att + "a", aRank);
            adapter(shapes, att + "g", gRank);
            if (i > 0) {
                shapes.put(att + "v0", new long[] {1, 1, width});
                adapter(shapes, att + "v", vRank);
            }
            shapes.put(att + "r_k", new long[] {width / headSize, headSize});
            for (String name : new String[] {"receptance", "key", "value", "output"}) {
                shapes.put(att + name + ".weight", new long[] {width, width});
            }
            norm(shapes, att + "ln_x", width);
            shapes.put(ffn + "x_k", new long[] {1, 1, width});
            shapes.put(ffn + "key.weight", new long[] {ffnSize, width});
            shapes.put(ffn + "value.weight", new long[] {width, ffnSize});
        }
        norm(shapes, "ln_out", width);
        shapes.put("head.weight", new long[] {vocabulary, width});
        return shapes;
    }

    private static void norm(Map<String, long[]> shapes, String name, int width) {
        shapes.put(name + ".weight", new long[] {width});
        shapes.put(name + ".bias", new long[] {width});
    }

    private void adapter(Map<String, long[]> shapes, String name, int rank) {
        shapes.put(name + "1", new long[] {width, rank});
        shapes.put(name + "2", new long[] {rank, width});
    }

    private static DType dtype(String name) {
        return name.endsWith("weight") && !name.contains("ln") || name.matches(".*att\\.[wavg][12]")
                ? DType.F16
                : DType.F32;
    }

    private static Tensor tensor(String name, long[] shape, long seed) {
        SplittableRandom random = new SplittableRandom(seed * 31 + name.hashCode());
        DType dtype = dtype(name);
        int elements = Math.toIntExact(Tensor.elements(shape));
        MemorySegment data = MemorySegment.ofArray(new byte[elements * dtype.bytes()]);
        boolean norm = name.contains("ln") && name.endsWith("weight");
        boolean inOut = name.matches(".*att\\.[wavg][12]");
        long fanIn = inOut ? shape[0] : shape[shape.length - 1];
        double scale = dtype == DType.F16 ? 1.7 / Math.sqrt(fanIn) : 0.5;
        for (int i = 0; i < elements; i++) {
            float value = (float) ((random.nextDouble() * 2 - 1) * scale + (norm ? 1 : 0));
            if (dtype == DType.F16) {
                data.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, Float.floatToFloat16(value));
            } else {
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, value);
            }
        }
        return new Tensor(name, dtype, shape, data);
    }
}
