package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;
import static java.util.Map.entry;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.PickleValue.Constant;
import io.github.rwkv4j.engine.format.PickleValue.Dict;
import io.github.rwkv4j.engine.format.PickleValue.Function;
import io.github.rwkv4j.engine.format.PickleValue.Number;
import io.github.rwkv4j.engine.format.PickleValue.Sequence;
import io.github.rwkv4j.engine.format.PickleValue.Storage;
import io.github.rwkv4j.engine.format.PickleValue.StorageType;
import io.github.rwkv4j.engine.format.PickleValue.StridedTensor;
import io.github.rwkv4j.engine.format.PickleValue.Text;
import io.github.rwkv4j.engine.format.PickleValue.Tuple;
import io.github.rwkv4j.engine.weights.DType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Interprets the few pickle opcodes that a saved state dict needs (numbers as in Python's {@code pickletools}). A general
 * unpickler calls whatever the file names; this one knows the globals below, looks nothing up by name outside this
 * class, and builds only {@link PickleValue}s.
 */
final class Unpickler {
    /**
     * Each operation makes at most one value, so this bounds stack, memo, marks and nesting alike. The largest known
     * model takes about a quarter.
     */
    static final int MAX_OPERATIONS = 500_000;

    private static final int MAX_BYTES = 16 << 20;
    private static final int MAX_STRING = 1 << 20;
    private static final int MAX_GLOBAL = 256;

    private static final Map<String, PickleValue> GLOBALS = Map.ofEntries(
            entry("collections.OrderedDict", Function.ORDERED_DICT),
            entry("torch._utils._rebuild_tensor_v2", Function.REBUILD_TENSOR),
            entry("torch._utils._rebuild_parameter", Function.REBUILD_PARAMETER),
            entry("torch.DoubleStorage", new StorageType(DType.F64)),
            entry("torch.FloatStorage", new StorageType(DType.F32)),
            entry("torch.HalfStorage", new StorageType(DType.F16)),
            entry("torch.BFloat16Storage", new StorageType(DType.BF16)),
            entry("torch.LongStorage", new StorageType(DType.I64)),
            entry("torch.IntStorage", new StorageType(DType.I32)),
            entry("torch.ShortStorage", new StorageType(DType.I16)),
            entry("torch.CharStorage", new StorageType(DType.I8)),
            entry("torch.ByteStorage", new StorageType(DType.U8)),
            entry("torch.BoolStorage", new StorageType(DType.BOOL)));

    private final FileBytes in;
    private final long start;
    private long position;
    private final List<PickleValue> stack = new ArrayList<>();
    private final Deque<Integer> marks = new ArrayDeque<>();
    private final Map<Long, PickleValue> memo = new HashMap<>();
    private final Map<String, Storage> storages = new LinkedHashMap<>();

    Unpickler(FileBytes in, long start) {
        this.in = in;
        this.start = start;
        this.position = start;
    }

    /** The value of the pickle, read up to its STOP. */
    PickleValue load() {
        for (int i = 0; i < MAX_OPERATIONS && position - start < MAX_BYTES; i++) {
            int opcode = in.unsignedByte(advance(1));
            if (opcode == '.') {
                return pop();
            }
            execute(opcode);
        }
        throw new CheckpointException(
                "pickle is longer than %d operations or %d bytes;".formatted(MAX_OPERATIONS, MAX_BYTES)
                        + " expected the description of one model, save only model.state_dict()");
    }

    /** Where the next byte after the pickle lies. */
    long position() {
        return position;
    }

    /** The storages that the pickle refers to, by key. */
    Map<String, Storage> storages() {
        return storages;
    }

    private void execute(int opcode) {
        switch (opcode) {
            case 0x80 -> protocol(in.unsignedByte(advance(1)));
            case 0x95 -> advance(8); // FRAME
            case '(' -> marks.push(stack.size());
            case 'N' -> stack.add(Constant.NONE);
            case 0x88 -> stack.add(Constant.TRUE);
            case 0x89 -> stack.add(Constant.FALSE);
            case 'G' -> {
                in.slice(advance(8), 8, "pickled float");
                stack.add(Constant.FLOAT);
            }
            case 'J' -> stack.add(new Number(in.int32(advance(4))));
            case 'K' -> stack.add(new Number(in.unsignedByte(advance(1))));
            case 'M' -> stack.add(new Number(in.unsignedShort(advance(2))));
            case 0x8a -> stack.add(new Number(long1(in.unsignedByte(advance(1)))));
            case 'X' -> stack.add(text(in.unsignedInt(advance(4))));
            case 0x8c -> stack.add(text(in.unsignedByte(advance(1))));
            case '}' -> stack.add(new Dict());
            case ']' -> stack.add(new Sequence());
            case ')' -> stack.add(new Tuple(List.of()));
            case 't' -> stack.add(new Tuple(popToMark()));
            case 0x85, 0x86, 0x87 -> stack.add(new Tuple(pop(opcode - 0x84)));
            case 'q' -> memo.put((long) in.unsignedByte(advance(1)), top());
            case 'r' -> memo.put(in.unsignedInt(advance(4)), top());
            case 0x94 -> memo.put((long) memo.size(), top()); // MEMOIZE
            case 'h' -> stack.add(recall(in.unsignedByte(advance(1))));
            case 'j' -> stack.add(recall(in.unsignedInt(advance(4))));
            case 'a' -> append(pop(1));
            case 'e' -> append(popToMark());
            case 's' -> setItems(pop(2));
            case 'u' -> setItems(popToMark());
            case 'c' -> stack.add(global(line(), line()));
            case 0x93 -> {
                List<PickleValue> names = pop(2);
                stack.add(global(
                        expect(names.get(0), Text.class).value(),
                        expect(names.get(1), Text.class).value()));
            }
            case 'Q' -> stack.add(storage(expect(pop(), Tuple.class).items()));
            case 'R' -> {
                List<PickleValue> call = pop(2);
                stack.add(reduce(call.get(0), expect(call.get(1), Tuple.class).items()));
            }
            case 'b' -> build(pop());
            default ->
                throw refused("the opcode 0x%02x (%c)".formatted(opcode, opcode > ' ' && opcode < 0x7f ? opcode : '?'));
        }
    }

    private void protocol(int version) {
        if (version < 2 || version > 4) {
            throw refused("protocol " + version);
        }
    }

    private long long1(int length) {
        if (length > 8) {
            throw refused("an integer of " + length + " bytes");
        }
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= (long) in.unsignedByte(advance(1)) << 8 * i;
        }
        int unused = 64 - 8 * length;
        return length == 0 ? 0 : value << unused >> unused;
    }

    private Text text(long length) {
        if (length > MAX_STRING) {
            throw refused("a string of " + length + " bytes");
        }
        return new Text(in.utf8(advance(length), (int) length, "pickled string"));
    }

    private String line() {
        for (int length = 0; length < MAX_GLOBAL; length++) {
            if (in.unsignedByte(position + length) == '\n') {
                return in.utf8(advance(length + 1), length, "pickled name");
            }
        }
        throw refused("a name of more than " + MAX_GLOBAL + " bytes");
    }

    private PickleValue global(String module, String name) {
        PickleValue global = GLOBALS.get(module + '.' + name);
        if (global == null) {
            throw refused("the global " + quoted(module + '.' + name));
        }
        return global;
    }

    private PickleValue recall(long key) {
        PickleValue value = memo.get(key);
        if (value == null) {
            throw damaged("pickle recalls the value %d, which it never stored".formatted(key));
        }
        return value;
    }

    private void append(List<PickleValue> items) {
        expect(top(), Sequence.class).items().addAll(items);
    }

    private void setItems(List<PickleValue> items) {
        Map<String, PickleValue> dict = expect(top(), Dict.class).items();
        if (items.size() % 2 != 0) {
            throw damaged("pickle sets a key without a value");
        }
        for (int i = 0; i < items.size(); i += 2) {
            String key = expect(items.get(i), Text.class).value();
            if (dict.put(key, items.get(i + 1)) != null) {
                throw damaged("pickle sets the key " + quoted(key) + " twice");
            }
        }
    }

    private PickleValue reduce(PickleValue callable, List<PickleValue> arguments) {
        int count = arguments.size();
        if (callable == Function.ORDERED_DICT && count == 0) {
            return new Dict();
        }
        if (callable == Function.REBUILD_TENSOR && (count == 6 || count == 7)) {
            return tensor(arguments);
        }
        if (callable == Function.REBUILD_PARAMETER && count == 3) {
            return expect(arguments.getFirst(), StridedTensor.class);
        }
        throw refused("a call of %s with %d arguments".formatted(callable.kind(), count));
    }

    /** Arguments: storage, offset, shape, strides, then what only training needs (gradient, hooks, metadata). */
    private StridedTensor tensor(List<PickleValue> arguments) {
        return new StridedTensor(
                expect(arguments.get(0), Storage.class),
                expect(arguments.get(1), Number.class).value(),
                numbers(arguments.get(2)),
                numbers(arguments.get(3)));
    }

    private long[] numbers(PickleValue tuple) {
        List<PickleValue> items = expect(tuple, Tuple.class).items();
        return items.stream()
                .mapToLong(item -> expect(item, Number.class).value())
                .toArray();
    }

    /** A persistent id: "storage", type, key, device, elements; in the legacy container also a view, always None. */
    private Storage storage(List<PickleValue> id) {
        boolean view = id.size() == 6 && id.get(5) != Constant.NONE;
        if (id.size() < 5
                || id.size() > 6
                || view
                || !expect(id.get(0), Text.class).value().equals("storage")) {
            throw refused("a persistent id of %d parts that is not a plain storage".formatted(id.size()));
        }
        Storage storage = new Storage(
                expect(id.get(2), Text.class).value(),
                expect(id.get(1), StorageType.class).dtype(),
                expect(id.get(4), Number.class).value());
        Storage known = storages.putIfAbsent(storage.key(), storage);
        if (known != null && !known.equals(storage)) {
            throw damaged("pickle describes the storage " + quoted(storage.key()) + " in two ways");
        }
        return storage;
    }

    /** A state dict carries an attribute {@code _metadata} with version numbers, which nothing here needs. */
    private void build(PickleValue state) {
        expect(state, Dict.class);
        expect(top(), Dict.class);
    }

    private PickleValue top() {
        PickleValue value = pop();
        stack.add(value);
        return value;
    }

    private PickleValue pop() {
        return pop(1).getFirst();
    }

    private List<PickleValue> pop(int count) {
        int bottom = marks.isEmpty() ? 0 : marks.peek();
        if (stack.size() - bottom < count) {
            throw damaged("pickle takes more values than it made, at byte " + position);
        }
        return popFrom(stack.size() - count);
    }

    private List<PickleValue> popToMark() {
        if (marks.isEmpty()) {
            throw damaged("pickle ends a group that it never began, at byte " + position);
        }
        return popFrom(marks.pop());
    }

    private List<PickleValue> popFrom(int index) {
        List<PickleValue> tail = stack.subList(index, stack.size());
        List<PickleValue> values = List.copyOf(tail);
        tail.clear();
        return values;
    }

    private long advance(long length) {
        long at = position;
        position += length;
        return at;
    }

    private <T extends PickleValue> T expect(PickleValue value, Class<T> type) {
        if (!type.isInstance(value)) {
            throw damaged("pickle has %s before byte %d; expected a %s"
                    .formatted(value.kind(), position, type.getSimpleName()));
        }
        return type.cast(value);
    }

    private CheckpointException refused(String offender) {
        return new CheckpointException("pickle uses %s before byte %d, which a plain dict of tensors does not need"
                        .formatted(offender, position)
                + " and which is refused because a pickle can run code;"
                + " on a machine where you trust the file, load it and save only model.state_dict()");
    }
}
