package io.github.rwkv4j.engine.format;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes pickles, honest and hostile, opcode by opcode. */
final class Pickle {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    static Pickle start() {
        return new Pickle().op(0x80).op(2);
    }

    /** A complete state dict of one float32 tensor named {@code w} on storage {@code "0"}. */
    static byte[] ofTensor(long storageElements, long offset, long[] shape, long... strides) {
        return start().op('}')
                .string("w")
                .tensor("0", "FloatStorage", storageElements, offset, shape, strides)
                .op('s')
                .stop();
    }

    Pickle op(int opcode) {
        out.write(opcode);
        return this;
    }

    Pickle op(int opcode, int times) {
        for (int i = 0; i < times; i++) {
            out.write(opcode);
        }
        return this;
    }

    Pickle int32(int value) {
        return little(4, value);
    }

    Pickle number(long value) {
        return op(0x8a).op(8).little(8, value);
    }

    Pickle string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        op('X').int32(bytes.length).out.writeBytes(bytes);
        return this;
    }

    Pickle global(String module, String name) {
        op('c').out.writeBytes((module + '\n' + name + '\n').getBytes(StandardCharsets.UTF_8));
        return this;
    }

    Pickle storage(String key, String type, long elements) {
        return op('(').string("storage")
                .global("torch", type)
                .string(key)
                .string("cpu")
                .number(elements)
                .op('t')
                .op('Q');
    }

    Pickle numbers(long... values) {
        op('(');
        for (long value : values) {
            number(value);
        }
        return op('t');
    }

    Pickle tensor(String key, String type, long elements, long offset, long[] shape, long... strides) {
        return global("torch._utils", "_rebuild_tensor_v2")
                .op('(')
                .storage(key, type, elements)
                .number(offset)
                .numbers(shape)
                .numbers(strides)
                .op(0x89)
                .global("collections", "OrderedDict")
                .op(')')
                .op('R')
                .op('t')
                .op('R');
    }

    byte[] stop() {
        return op('.').out.toByteArray();
    }

    private Pickle little(int size, long value) {
        byte[] bytes = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
        out.write(bytes, 0, size);
        return this;
    }
}
