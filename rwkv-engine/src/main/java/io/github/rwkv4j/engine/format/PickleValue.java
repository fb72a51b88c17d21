package io.github.rwkv4j.engine.format;

import io.github.rwkv4j.engine.weights.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a pickle can build here, and nothing else. Tuples, lists and dicts may be nested deeply or contain themselves, so
 * nothing may walk them recursively: their {@code toString}, {@code equals} and {@code hashCode} are never used.
 */
sealed interface PickleValue {
    /** What it is, for messages. */
    default String kind() {
        return switch (this) {
            case Constant constant -> constant.name();
            case Number _ -> "a number";
            case Text _ -> "a string";
            case Tuple _ -> "a tuple";
            case Sequence _ -> "a list";
            case Dict _ -> "a dict";
            case Function function -> "the function " + function.name();
            case StorageType _ -> "a storage type";
            case Storage _ -> "a storage";
            case StridedTensor _ -> "a tensor";
        };
    }

    enum Constant implements PickleValue {
        NONE,
        TRUE,
        FALSE,
        /** Any float: no tensor is described by one. */
        FLOAT
    }

    record Number(long value) implements PickleValue {}

    record Text(String value) implements PickleValue {}

    record Tuple(List<PickleValue> items) implements PickleValue {}

    record Sequence(List<PickleValue> items) implements PickleValue {
        Sequence() {
            this(new ArrayList<>());
        }
    }

    record Dict(Map<String, PickleValue> items) implements PickleValue {
        Dict() {
            this(new LinkedHashMap<>());
        }
    }

    /** The only functions that a pickle may call, each done by {@link Unpickler} itself. */
    enum Function implements PickleValue {
        ORDERED_DICT,
        REBUILD_TENSOR,
        REBUILD_PARAMETER
    }

    record StorageType(DType dtype) implements PickleValue {}

    /** A run of {@code elements} numbers kept elsewhere in the file under {@code key}. */
    record Storage(String key, DType dtype, long elements) implements PickleValue {}

    /** A view into a storage; offset and strides in elements. */
    record StridedTensor(Storage storage, long offset, long[] shape, long[] strides) implements PickleValue {}
}
