package io.github.rwkv4j.engine.format;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Writes the {@code .bin} files of rwkv.cpp, well-formed or not. */
final class RwkvCppFile {
    private final ByteArrayOutputStream file = new ByteArrayOutputStream();

    /** A header that tells of a vocabulary of four ids. */
    RwkvCppFile(int version) {
        file.writeBytes(GgufFile.little(24)
                .putInt(0x67676d66)
                .putInt(version)
                .putInt(4)
                .putInt(2)
                .putInt(1)
                .putInt(0)
                .array());
    }

    /** A file with an embedding [4, 2] and, if so, what tells RWKV-5 from 4. */
    static RwkvCppFile small(boolean five) {
        RwkvCppFile file = new RwkvCppFile(101).floats("emb.weight", new float[8], 2, 4);
        return five
                ? file.floats("blocks.0.att.ln_x.weight", new float[2], 2)
                        .floats("blocks.0.att.time_mix_k", new float[2], 2)
                : file;
    }

    RwkvCppFile floats(String name, float[] values, int... dimensions) {
        ByteBuffer bytes = GgufFile.little(4 * values.length);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return tensor(name, 0, bytes.array(), dimensions);
    }

    RwkvCppFile tensor(String name, int type, byte[] data, int... dimensions) {
        return tensor(dimensions.length, name.length(), type, name, data, dimensions);
    }

    /** Any tensor, whatever its header says of it. */
    RwkvCppFile tensor(int rank, int nameLength, int type, String name, byte[] data, int... dimensions) {
        ByteBuffer header = GgufFile.little(12 + 4 * dimensions.length)
                .putInt(rank)
                .putInt(nameLength)
                .putInt(type);
        for (int dimension : dimensions) {
            header.putInt(dimension);
        }
        file.writeBytes(header.array());
        file.writeBytes(name.getBytes(StandardCharsets.ISO_8859_1));
        file.writeBytes(data);
        return this;
    }

    byte[] bytes() {
        return file.toByteArray();
    }
}
