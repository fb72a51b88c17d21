package io.github.rwkv4j.engine.format;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Writes GGUF files, well-formed or not. */
final class GgufFile {
    private final ByteArrayOutputStream metadata = new ByteArrayOutputStream();
    private final ByteArrayOutputStream tensors = new ByteArrayOutputStream();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private int version = 3;
    private long entries;
    private long tensorCount;
    private int alignment = 32;

    /** A file of the architecture {@code rwkv7} with nothing else in it. */
    static GgufFile rwkv7() {
        return new GgufFile().text("general.architecture", "rwkv7");
    }

    GgufFile version(int version) {
        this.version = version;
        return this;
    }

    GgufFile alignment(int alignment) {
        this.alignment = alignment;
        return number("general.alignment", alignment);
    }

    GgufFile text(String key, String value) {
        return entry(key, 8, string(value));
    }

    GgufFile number(String key, int value) {
        return entry(key, 4, little(4).putInt(value).array());
    }

    /** An array of texts. */
    GgufFile texts(String key, String... values) {
        ByteArrayOutputStream array = new ByteArrayOutputStream();
        array.writeBytes(little(12).putInt(8).putLong(values.length).array());
        for (String value : values) {
            array.writeBytes(string(value));
        }
        return entry(key, 9, array.toByteArray());
    }

    /** An array of 32-bit numbers. */
    GgufFile numbers(String key, int... values) {
        ByteBuffer array = little(12 + 4 * values.length).putInt(5).putLong(values.length);
        for (int value : values) {
            array.putInt(value);
        }
        return entry(key, 9, array.array());
    }

    /** Any entry: a key, the number of a type, and the bytes of the value. */
    GgufFile entry(String key, int type, byte[] value) {
        metadata.writeBytes(string(key));
        metadata.writeBytes(little(4).putInt(type).array());
        metadata.writeBytes(value);
        entries++;
        return this;
    }

    /** Tells of more entries and tensors than there are. */
    GgufFile counts(long entries, long tensors) {
        this.entries = entries;
        this.tensorCount = tensors;
        return this;
    }

    /** A tensor after the ones before, padded to the alignment. */
    GgufFile tensor(String name, int type, byte[] bytes, long... dimensions) {
        place(name, type, data.size(), dimensions);
        data.writeBytes(bytes);
        data.writeBytes(new byte[Math.floorMod(-bytes.length, alignment)]);
        return this;
    }

    /** A tensor of float32 numbers. */
    GgufFile floats(String name, float[] values, long... dimensions) {
        ByteBuffer bytes = little(4 * values.length);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return tensor(name, 0, bytes.array(), dimensions);
    }

    /** A tensor that lies anywhere, without data of its own. */
    GgufFile place(String name, int type, long offset, long... dimensions) {
        tensors.writeBytes(string(name));
        ByteBuffer rest = little(16 + 8 * dimensions.length).putInt(dimensions.length);
        for (long dimension : dimensions) {
            rest.putLong(dimension);
        }
        tensors.writeBytes(rest.putInt(type).putLong(offset).array());
        tensorCount++;
        return this;
    }

    byte[] bytes() {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        file.writeBytes(
                little(20).putInt(version).putLong(tensorCount).putLong(entries).array());
        file.writeBytes(metadata.toByteArray());
        file.writeBytes(tensors.toByteArray());
        file.writeBytes(new byte[Math.floorMod(-file.size(), Math.max(1, alignment))]);
        file.writeBytes(data.toByteArray());
        return file.toByteArray();
    }

    static byte[] string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return little(8 + bytes.length).putLong(bytes.length).put(bytes).array();
    }

    static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
