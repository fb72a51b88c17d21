package io.github.rwkv4j.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.PickleValue.Dict;
import io.github.rwkv4j.engine.format.PickleValue.Number;
import io.github.rwkv4j.engine.format.PickleValue.Sequence;
import io.github.rwkv4j.engine.format.PickleValue.Tuple;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnpicklerTest {
    @ParameterizedTest
    @CsvSource({"0, '', 0", "1, ff, -1", "1, 7f, 127", "2, 0080, -32768", "8, ffffffffffffff7f, 9223372036854775807"})
    void readsSignedIntegersOfUpToEightBytes(int length, String hex, long expected) {
        Pickle pickle = Pickle.start().op(0x8a).op(length);
        for (byte b : HexFormat.of().parseHex(hex)) {
            pickle.op(b & 0xff);
        }
        assertThat(load(pickle.stop())).isEqualTo(new Number(expected));
    }

    @Test
    void readsAppendsAndMemo() {
        Pickle pickle = Pickle.start()
                .op(']')
                .op('q')
                .op(0)
                .op('(')
                .op('K')
                .op(200)
                .op('M')
                .op(1)
                .op(2);
        pickle.op('J').int32(-5).op('e').op('h').op(0).op(0x86);
        assertThat(load(pickle.stop())).isInstanceOfSatisfying(Tuple.class, pair -> {
            assertThat(pair.items()).hasSize(2);
            assertThat(pair.items().get(0)).isSameAs(pair.items().get(1));
            assertThat(((Sequence) pair.items().get(0)).items())
                    .containsExactly(new Number(200), new Number(513), new Number(-5));
        });
    }

    @ParameterizedTest
    @CsvSource({
        "os, system",
        "posix, system",
        "builtins, eval",
        "torch.storage, _load_from_bytes",
        "torch, TypedStorage",
        "torch._utils, _rebuild_tensor",
        "io.github.rwkv4j.engine.Rwkv, open",
        "java.lang.Runtime, exec"
    })
    void unknownGlobalsAreRefusedByName(String module, String name) {
        String message = "the global \"" + module + '.' + name + "\"";
        assertRefused(Pickle.start().global(module, name).string("id").op(0x85).op('R'), message);
        assertRefused(Pickle.start().string(module).string(name).op(0x93), message);
    }

    @ParameterizedTest
    @CsvSource({
        "0x69, i", "0x6f, o", "0x81, ?", "0x92, ?", "0x82, ?", "0x83, ?", "0x84, ?", "0x50, P", "0x8b, ?", "0x49, I",
        "0x64, d", "0x6c, l", "0x30, 0", "0x31, 1", "0x32, 2", "0x8f, ?", "0x8e, ?", "0x97, ?", "0x00, ?", "0xff, ?"
    })
    void otherOpcodesAreRefused(String opcode, String shown) {
        assertRefused(Pickle.start().op('(').op(Integer.decode(opcode)), "the opcode %s (%s)".formatted(opcode, shown));
    }

    @Test
    void onlyTheKnownFunctionsAreCalled() {
        assertRefused(Pickle.start().string("x").op(')').op('R'), "a call of a string with 0 arguments");
        assertRefused(Pickle.start().global("torch", "FloatStorage").op(')').op('R'), "a call of a storage type");
        assertRefused(
                Pickle.start()
                        .global("collections", "OrderedDict")
                        .op(']')
                        .op(0x85)
                        .op('R'),
                "a call of the function ORDERED_DICT with 1 arguments");
        assertRefused(
                Pickle.start()
                        .global("torch._utils", "_rebuild_tensor_v2")
                        .op(')')
                        .op('R'),
                "a call of the function REBUILD_TENSOR with 0 arguments");
    }

    @Test
    void buildIsForDictsOnly() {
        assertThat(load(Pickle.start().op('}').op('}').op('b').stop())).isInstanceOf(Dict.class);
        assertRefused(Pickle.start().op(']').op('}').op('b'), "has a list");
        assertRefused(Pickle.start().op('}').op(')').op('b'), "has a tuple");
        assertRefused(
                Pickle.start().global("collections", "OrderedDict").op('}').op('b'), "has the function");
    }

    @Test
    void persistentIdsOtherThanStoragesAreRefused() {
        assertRefused(Pickle.start().string("x").op('Q'), "has a string");
        assertRefused(Pickle.start().op(')').op('Q'), "a persistent id of 0 parts");
        Pickle module = Pickle.start()
                .op('(')
                .string("module")
                .global("torch", "FloatStorage")
                .string("0");
        assertRefused(module.string("cpu").number(1).op('t').op('Q'), "that is not a plain storage");
        Pickle twoWays = Pickle.start().storage("0", "FloatStorage", 1).storage("0", "HalfStorage", 2);
        assertRefused(twoWays, "describes the storage \"0\" in two ways");
    }

    @Test
    void longNumbersStringsAndNamesAreRefused() {
        assertRefused(Pickle.start().op(0x8a).op(9).op(0, 9), "an integer of 9 bytes");
        assertRefused(Pickle.start().op(0x8a).op(255), "an integer of 255 bytes");
        assertRefused(Pickle.start().op('X').int32(-1), "a string of 4294967295 bytes");
        assertRefused(Pickle.start().op('X').int32(1 << 20), "pickled string of 1048576 bytes is expected");
        assertRefused(Pickle.start().global("a".repeat(300), "b"), "a name of more than 256 bytes");
        assertRefused(Pickle.start().op('X').int32(1).op(0xff), "is not UTF-8");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "t",
                "u",
                "e",
                "s",
                "a",
                "b",
                "R",
                "Q",
                "q\0",
                "h\0",
                "j\0\0\0\0",
                ".",
                "(s",
                "}(a",
                "}(Nu",
                "]N(at"
            })
    void missingValuesAreRefused(String opcodes) {
        Pickle pickle = Pickle.start();
        opcodes.chars().forEach(pickle::op);
        assertThatThrownBy(() -> load(pickle.stop()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("damaged");
    }

    @Test
    void keysAreStringsAndUnique() {
        assertRefused(Pickle.start().op('}').number(1).op('N').op('s'), "has a number");
        Pickle twice = Pickle.start()
                .op('}')
                .string("k")
                .op('N')
                .op('s')
                .string("k")
                .op('N')
                .op('s');
        assertRefused(twice, "sets the key \"k\" twice");
    }

    @Test
    void deepNestingNeedsNoStack() {
        int depth = 200_000;
        assertThat(load(Pickle.start().op(']', depth).op('a', depth - 1).stop()))
                .isInstanceOf(Sequence.class);
        assertThat(load(Pickle.start().op(')').op(0x85, depth).stop())).isInstanceOf(Tuple.class);
        assertThat(load(Pickle.start().op('(', depth).op('t', depth).stop())).isInstanceOf(Tuple.class);
        assertThat(load(Pickle.start()
                        .op(']')
                        .op('q')
                        .op(0)
                        .op('h')
                        .op(0)
                        .op('a')
                        .stop()))
                .isInstanceOfSatisfying(
                        Sequence.class,
                        list -> assertThat(list.items().getFirst()).isSameAs(list));
    }

    @Test
    void endlessPicklesAreRefused() {
        assertRefused(Pickle.start().op('}', Unpickler.MAX_OPERATIONS), "longer than 500000 operations");
        assertRefused(Pickle.start().op('(', Unpickler.MAX_OPERATIONS), "longer than 500000 operations");
        Pickle memo = Pickle.start().op('N');
        for (int i = 0; i < Unpickler.MAX_OPERATIONS; i++) {
            memo.op('r').int32(-i);
        }
        assertRefused(memo, "longer than 500000 operations");
        Pickle strings = Pickle.start();
        String text = "x".repeat(1 << 20);
        for (int i = 0; i < 17; i++) {
            strings.string(text);
        }
        assertRefused(strings, "or 16777216 bytes");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5, 255})
    void otherProtocolsAreRefused(int protocol) {
        assertRefused(new Pickle().op(0x80).op(protocol), "protocol " + protocol);
    }

    private static void assertRefused(Pickle pickle, String message) {
        assertThatThrownBy(() -> load(pickle.stop()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message);
    }

    private static PickleValue load(byte[] pickle) {
        return new Unpickler(new FileBytes(MemorySegment.ofArray(pickle)), 0).load();
    }
}
