package io.github.rwkv4j.engine.testing;

import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Checkpoints of any size with random weights: matrices in float16, vectors in float32, scaled so that activations stay in
 * a natural range. Equal generations, sizes and seeds give equal weights.
 *
 * @param wRank width of the low-rank adapter of the decays, in RWKV-6 and RWKV-7
 * @param aRank width of the adapter of the in-context learning rate in RWKV-7, and of the token shift's mixes in RWKV-6
 * @param vRank width of the adapter of the value residual, in RWKV-7
 * @param gRank width of the adapter of the gate, in RWKV-7
 */
public record RandomModel(
        Generation generation,
        int layers,
        int width,
        int headSize,
        int ffnSize,
        int vocabulary,
        int wRank,
        int aRank,
        int vRank,
        int gRank) {
    /** The generations that random models are made of. */
    public enum Generation {
        V4,
        V5_2,
        V6,
        V7
    }

    /** RWKV-7 of any size. */
    public RandomModel(
            int layers,
            int width,
            int headSize,
            int ffnSize,
            int vocabulary,
            int wRank,
            int aRank,
            int vRank,
            int gRank) {
        this(Generation.V7, layers, width, headSize, ffnSize, vocabulary, wRank, aRank, vRank, gRank);
    }

    /** RWKV-7 with few layers over a vocabulary of bytes, for tests. */
    public static RandomModel small(int layers, int width, int headSize) {
        return new RandomModel(layers, width, headSize, 2 * width, 256, 16, 16, 8, 24);
    }

    /** The sizes of the 0.1B models: width 768, 12 layers, and a channel mixing as wide as the generation has it. */
    public static RandomModel size0_1B(Generation generation) {
        int ffnSize = generation == Generation.V4 || generation == Generation.V7 ? 4 * 768 : 7 * 768 / 2;
        int aRank = generation == Generation.V6 ? 32 : 64;
        return new RandomModel(generation, 12, 768, 64, ffnSize, 65536, 64, aRank, 32, 128);
    }

    /** The sizes of the released RWKV-7 of 0.4B. */
    private static final RandomModel SIZE_0_4B = new RandomModel(24, 1024, 64, 4096, 65536, 64, 64, 32, 128);

    /** Writes a random model: {@code v4|v5.2|v6|v7 0.1B|0.4B model.safetensors}; 0.4B is for v7. */
    public static void main(String[] arguments) {
        if (arguments.length != 3) {
            throw new IllegalArgumentException("Expected a generation (v4, v5.2, v6, v7), a size (0.1B, or 0.4B for v7)"
                    + " and the file to write");
        }
        Generation generation =
                Generation.valueOf(arguments[0].toUpperCase(Locale.ROOT).replace('.', '_'));
        RandomModel model =
                switch (arguments[1]) {
                    case "0.1B" -> size0_1B(generation);
                    case "0.4B" -> SIZE_0_4B;
                    default -> throw new IllegalArgumentException("Expected 0.1B or 0.4B, found " + arguments[1]);
                };
        if (model.generation != generation) {
            throw new IllegalArgumentException("There is no 0.4B of " + arguments[0]);
        }
        model.write(Path.of(arguments[2]), 1);
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
        long at = 0;
        for (Map.Entry<String, long[]> entry : shapes().entrySet()) {
            DType dtype = dtype(entry.getKey(), entry.getValue());
            long end = at + Tensor.elements(entry.getValue()) * dtype.bytes();
            header.append(header.length() > 1 ? "," : "")
                    .append("\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                            .formatted(entry.getKey(), dtype, Arrays.toString(entry.getValue()), at, end));
            at = end;
        }
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
                            .order(ByteOrder.LITTLE_ENDIAN)
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
        norm(shapes, "blocks.0.ln0");
        for (int i = 0; i < layers; i++) {
            String block = "blocks." + i + ".";
            String att = block + "att.";
            String ffn = block + "ffn.";
            norm(shapes, block + "ln1");
            norm(shapes, block + "ln2");
            switch (generation) {
                case V4 -> vectors(shapes, att, "time_decay", "time_first", "time_mix_k", "time_mix_v", "time_mix_r");
                case V5_2 -> {
                    perHead(shapes, att, "time_decay", "time_faaaa");
                    vectors(shapes, att, "time_mix_k", "time_mix_v", "time_mix_r", "time_mix_g");
                }
                case V6 -> addTimeMixing6(shapes, att);
                case V7 -> addTimeMixing7(shapes, att, i);
            }
            matrices(shapes, att, width, width, "receptance", "key", "value", "output");
            if (generation == Generation.V5_2 || generation == Generation.V6) {
                matrices(shapes, att, width, width, "gate");
            }
            if (generation != Generation.V4) {
                norm(shapes, att + "ln_x");
            }
            switch (generation) {
                case V4, V5_2 -> vectors(shapes, ffn, "time_mix_k", "time_mix_r");
                case V6 -> vectors(shapes, ffn, "time_maa_k", "time_maa_r");
                case V7 -> vectors(shapes, ffn, "x_k");
            }
            matrices(shapes, ffn, ffnSize, width, "key");
            matrices(shapes, ffn, width, ffnSize, "value");
            if (generation != Generation.V7) {
                matrices(shapes, ffn, width, width, "receptance");
            }
        }
        norm(shapes, "ln_out");
        shapes.put("head.weight", new long[] {vocabulary, width});
        return shapes;
    }

    private void addTimeMixing6(Map<String, long[]> shapes, String att) {
        vectors(shapes, att, "time_maa_x", "time_maa_w", "time_maa_k", "time_maa_v", "time_maa_r", "time_maa_g");
        shapes.put(att + "time_maa_w1", new long[] {width, 5L * aRank});
        shapes.put(att + "time_maa_w2", new long[] {5, aRank, width});
        vectors(shapes, att, "time_decay");
        shapes.put(att + "time_decay_w1", new long[] {width, wRank});
        shapes.put(att + "time_decay_w2", new long[] {wRank, width});
        perHead(shapes, att, "time_faaaa");
    }

    private void addTimeMixing7(Map<String, long[]> shapes, String att, int layer) {
        vectors(shapes, att, "x_r", "x_w", "x_k", "x_v", "x_a", "x_g", "w0", "a0", "k_k", "k_a");
        adapter(shapes, att + "w", wRank);
        adapter(shapes, att + "a", aRank);
        adapter(shapes, att + "g", gRank);
        if (layer > 0) {
            vectors(shapes, att, "v0");
            adapter(shapes, att + "v", vRank);
        }
        perHead(shapes, att, "r_k");
    }

    private void norm(Map<String, long[]> shapes, String name) {
        shapes.put(name + ".weight", new long[] {width});
        shapes.put(name + ".bias", new long[] {width});
    }

    private void vectors(Map<String, long[]> shapes, String prefix, String... names) {
        for (String name : names) {
            boolean bare = generation == Generation.V4 && (name.equals("time_decay") || name.equals("time_first"));
            shapes.put(prefix + name, bare ? new long[] {width} : new long[] {1, 1, width});
        }
    }

    private void perHead(Map<String, long[]> shapes, String prefix, String... names) {
        for (String name : names) {
            shapes.put(prefix + name, new long[] {width / headSize, headSize});
        }
    }

    private static void matrices(Map<String, long[]> shapes, String prefix, int out, int in, String... names) {
        for (String name : names) {
            shapes.put(prefix + name + ".weight", new long[] {out, in});
        }
    }

    private void adapter(Map<String, long[]> shapes, String name, int rank) {
        shapes.put(name + "1", new long[] {width, rank});
        shapes.put(name + "2", new long[] {rank, width});
    }

    /** Stored as [in, out]. */
    private static boolean isAdapter(String name) {
        return name.matches(".*att\\.([wavg]|time_maa_w|time_decay_w)[12]");
    }

    private static DType dtype(String name, long[] shape) {
        return name.endsWith("weight") && shape.length == 2 || isAdapter(name) ? DType.F16 : DType.F32;
    }

    private static Tensor tensor(String name, long[] shape, long seed) {
        SplittableRandom random = new SplittableRandom(seed * 31 + name.hashCode());
        DType dtype = dtype(name, shape);
        int elements = Math.toIntExact(Tensor.elements(shape));
        MemorySegment data = MemorySegment.ofArray(new byte[elements * dtype.bytes()]);
        boolean norm = name.contains("ln") && name.endsWith("weight");
        long fanIn = shape[isAdapter(name) ? shape.length - 2 : shape.length - 1];
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
