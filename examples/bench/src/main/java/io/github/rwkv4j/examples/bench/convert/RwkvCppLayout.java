package io.github.rwkv4j.examples.bench.convert;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.model.Architecture;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * How official tensors lie in rwkv.cpp's files: adapters transposed, RWKV-7's mixes joined, decays of RWKV-4 and RWKV-5
 * through their exponentials (spec: formats, section d).
 *
 * <p>Large matrices are quantised. Embedding and head stay in float16, as do RWKV-7's adapters; all else is in float32.
 */
final class RwkvCppLayout {
    private static final Pattern ATT = Pattern.compile("(blocks\\.\\d+\\.att\\.)(.+)");
    private static final Pattern ADAPTER = Pattern.compile("[wavg][12]|time_maa_w[12]|time_decay_w[12]");
    private static final Pattern MIX_7 = Pattern.compile("x_[rwkvag]");
    private static final Pattern UNKNOWN =
            Pattern.compile(".*\\.(ffnPre\\..*|att\\.time_state)|head_[qk]\\..*|copy_mask");
    private static final String[] MIXES_7 = {"r", "w", "k", "v", "a", "g"};

    private final Architecture architecture;
    private final WeightType type;
    private final float valueScale;

    /** @param valueScale by what RWKV-5's values are multiplied */
    RwkvCppLayout(Architecture architecture, WeightType type, float valueScale) {
        this.architecture = architecture;
        this.type = type;
        this.valueScale = valueScale;
    }

    List<Piece> pieces(Collection<Tensor> tensors) {
        Map<String, Tensor> byName = tensors.stream().collect(Collectors.toMap(Tensor::name, Function.identity()));
        List<Piece> pieces = new ArrayList<>();
        for (Tensor tensor : tensors) {
            if (UNKNOWN.matcher(tensor.name()).matches()) {
                throw new CheckpointException(
                        "The model has %s, which rwkv.cpp's files can't hold: write .safetensors (--to f16)"
                                .formatted(tensor.name()));
            }
            Matcher att = ATT.matcher(tensor.name());
            if (!att.matches()) {
                pieces.add(plain(tensor));
            } else if (!MIX_7.matcher(att.group(2)).matches()) {
                pieces.add(timeMixing(tensor, att.group(2)));
            } else if (att.group(2).equals("x_r")) {
                pieces.add(mixes(att.group(1), byName));
            }
        }
        return pieces;
    }

    private Piece plain(Tensor tensor) {
        long[] shape = tensor.shape();
        if (tensor.name().contains(".time_")) {
            return new Piece(tensor.name(), tensor.squeezed(), WeightType.F32, tensor::read);
        }
        if (shape.length != 2 || !tensor.name().endsWith(".weight")) {
            return Piece.of(tensor, WeightType.F32);
        }
        boolean end = tensor.name().equals("emb.weight") || tensor.name().equals("head.weight");
        return Piece.of(tensor, end || shape[1] % WeightType.BLOCK != 0 ? WeightType.F16 : type);
    }

    private Piece timeMixing(Tensor tensor, String part) {
        if (ADAPTER.matcher(part).matches()) {
            return transposed(tensor, part.startsWith("time_") ? WeightType.F32 : WeightType.F16);
        }
        boolean four = architecture == Architecture.RWKV_4;
        boolean five = !four && architecture.compareTo(Architecture.RWKV_6) < 0;
        return switch (part) {
            case "time_decay" ->
                four
                        ? mapped(tensor, tensor.squeezed(), p -> -Math.exp(p))
                        : five ? mapped(tensor, perHead(tensor), p -> Math.exp(-Math.exp(p))) : plain(tensor);
            case "time_first" -> five ? mapped(tensor, perHead(tensor), Math::exp) : plain(tensor);
            case "time_faaaa" -> new Piece(tensor.name(), perHead(tensor), WeightType.F32, tensor::read);
            case "value.weight" -> five ? scaled(plain(tensor), valueScale) : plain(tensor);
            default -> plain(tensor);
        };
    }

    private static Piece scaled(Piece piece, float scale) {
        return new Piece(piece.name(), piece.shape(), piece.type(), (from, count, out) -> {
            piece.numbers().read(from, count, out);
            for (int i = 0; i < count; i++) {
                out[i] *= scale;
            }
        });
    }

    /** [heads, head size, 1], or [heads, 1, 1]. */
    private static long[] perHead(Tensor tensor) {
        long[] shape = tensor.squeezed();
        return LongStream.concat(
                        Arrays.stream(shape), LongStream.generate(() -> 1).limit(Math.max(0, 3 - shape.length)))
                .toArray();
    }

    private static Piece mapped(Tensor tensor, long[] shape, DoubleUnaryOperator function) {
        return new Piece(tensor.name(), shape, WeightType.F32, (from, count, out) -> {
            tensor.read(from, count, out);
            for (int i = 0; i < count; i++) {
                out[i] = (float) function.applyAsDouble(out[i]);
            }
        });
    }

    /** With the last two dimensions exchanged. */
    private static Piece transposed(Tensor tensor, WeightType type) {
        long[] shape = tensor.shape().clone();
        int last = shape.length - 1;
        long rows = shape[last];
        long columns = shape[last - 1];
        shape[last] = columns;
        shape[last - 1] = rows;
        return new Piece(tensor.name(), shape, type, (from, count, out) -> {
            for (int i = 0; i < count; i++) {
                long matrix = (from + i) / (rows * columns);
                long inMatrix = (from + i) % (rows * columns);
                out[i] = tensor.get(matrix * rows * columns + inMatrix % columns * rows + inMatrix / columns);
            }
        });
    }

    /** RWKV-7's six mixes as one tensor [6, 1, width]. */
    private static Piece mixes(String att, Map<String, Tensor> tensors) {
        Tensor[] mixes = new Tensor[MIXES_7.length];
        for (int i = 0; i < mixes.length; i++) {
            Tensor mix = tensors.get(att + "x_" + MIXES_7[i]);
            if (mix == null) {
                throw new CheckpointException(
                        "The tensor %sx_%s is missing: the file is incomplete".formatted(att, MIXES_7[i]));
            }
            mixes[i] = mix;
        }
        long width = mixes[0].elements();
        return new Piece(att + "x_rwkvag", new long[] {mixes.length, 1, width}, WeightType.F32, (from, count, out) -> {
            for (int i = 0; i < count; i++) {
                out[i] = mixes[(int) ((from + i) / width)].get((from + i) % width);
            }
        });
    }
}
