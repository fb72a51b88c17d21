package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.weights.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Undoes what rwkv.cpp's converter did to official checkpoints: shapes without their ones, transposed adapters, joined
 * mixes, and exponentials computed beforehand (spec: formats, section d).
 */
final class RwkvCppNames {
    private static final Pattern ATT = Pattern.compile("(blocks\\.\\d+\\.att\\.)(.+)");
    private static final Pattern MIX = Pattern.compile("blocks\\.\\d+\\.(att|ffn)\\.(time_mix|time_maa)_[a-z]");
    private static final Set<String> TRANSPOSED = Set.of(
            "w1",
            "w2",
            "a1",
            "a2",
            "v1",
            "v2",
            "g1",
            "g2",
            "time_maa_w1",
            "time_maa_w2",
            "time_decay_w1",
            "time_decay_w2");

    /** A logarithm whose exponential is 0 in float32, for numbers that were rounded to 0. */
    private static final double LOG_OF_ZERO = -104;

    /** Logarithms of a decay's negative logarithm at the ends: what float32 rounds to a decay of 1 or of 0. */
    private static final double NO_DECAY = -20;

    private static final double FULL_DECAY = 5;

    private enum Kind {
        FOUR,
        FIVE,
        SIX_OR_SEVEN
    }

    private final Kind kind;
    private final Rearrangement rearrangement;
    private final TensorTable official = new TensorTable();

    private RwkvCppNames(Kind kind, Rearrangement rearrangement) {
        this.kind = kind;
        this.rearrangement = rearrangement;
    }

    static Map<String, Tensor> toOfficial(Map<String, Tensor> tensors, Rearrangement rearrangement) {
        Kind kind = !tensors.containsKey("blocks.0.att.ln_x.weight")
                ? Kind.FOUR
                : tensors.containsKey("blocks.0.att.time_mix_k") ? Kind.FIVE : Kind.SIX_OR_SEVEN;
        RwkvCppNames names = new RwkvCppNames(kind, rearrangement);
        tensors.values().forEach(names::add);
        return names.official.tensors();
    }

    private void add(Tensor tensor) {
        Matcher att = ATT.matcher(tensor.name());
        if (att.matches()) {
            addTimeMixing(tensor, att.group(1), att.group(2));
        } else if (MIX.matcher(tensor.name()).matches()) {
            official.add(Rearrangement.vector(tensor, tensor.name()));
        } else {
            official.add(tensor);
        }
    }

    private void addTimeMixing(Tensor tensor, String att, String part) {
        if (TRANSPOSED.contains(part)) {
            official.add(rearrangement.transposed(tensor, tensor.name()));
            return;
        }
        switch (part) {
            case "x_rwkvag" ->
                official.addMixes(tensor, att + "x_", TensorTable.MIXES_7, tensor.shape()[tensor.shape().length - 1]);
            case "time_decay" -> addDecay(tensor);
            case "time_first" -> {
                // RWKV-5's holds exp(p), RWKV-4's p itself.
                if (kind == Kind.FIVE) {
                    addMapped(tensor, p -> logarithm(tensor, p));
                } else {
                    official.add(tensor);
                }
            }
            case "time_faaaa" -> official.add(Rearrangement.reshaped(tensor, tensor.name(), withoutLastOne(tensor)));
            default -> {
                if (MIX.matcher(tensor.name()).matches()) {
                    official.add(Rearrangement.vector(tensor, tensor.name()));
                } else {
                    official.add(tensor);
                }
            }
        }
    }

    private void addDecay(Tensor tensor) {
        switch (kind) {
            // -exp(p)
            case FOUR -> addMapped(tensor, x -> logarithm(tensor, -x));
            // exp(-exp(p))
            case FIVE ->
                addMapped(tensor, x -> {
                    if (!(x >= 0 && x <= 1)) {
                        throw outOfRange(tensor, x);
                    }
                    return Math.clamp(Math.log(-Math.log(x)), NO_DECAY, FULL_DECAY);
                });
            case SIX_OR_SEVEN -> official.add(Rearrangement.vector(tensor, tensor.name()));
        }
    }

    private void addMapped(Tensor tensor, DoubleUnaryOperator function) {
        official.add(rearrangement.mapped(tensor, tensor.name(), withoutLastOne(tensor), function));
    }

    private static double logarithm(Tensor tensor, double x) {
        if (!(x >= 0 && x <= Float.MAX_VALUE)) {
            throw outOfRange(tensor, x);
        }
        return Math.max(Math.log(x), LOG_OF_ZERO);
    }

    private static RuntimeException outOfRange(Tensor tensor, double x) {
        return damaged("tensor %s holds %s, which no converter writes there".formatted(quoted(tensor.name()), x));
    }

    /** [H, N, 1] as [H, N], and [H, 1, 1] as [H]. */
    private static long[] withoutLastOne(Tensor tensor) {
        long[] shape = tensor.shape();
        int rank = shape.length;
        while (rank > 1 && shape[rank - 1] == 1) {
            rank--;
        }
        return Arrays.copyOf(shape, rank);
    }
}
