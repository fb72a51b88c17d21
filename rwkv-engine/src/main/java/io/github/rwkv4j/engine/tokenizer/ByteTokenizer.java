package io.github.rwkv4j.engine.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** Each byte of the UTF-8 text is its own id, 0 to 255; no id ends a text. Small test models use it. */
public final class ByteTokenizer implements Tokenizer {
    static final int SIZE = 256;

    private static final byte[] NONE = {};

    @Override
    public int[] encode(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[bytes.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = bytes[i] & 0xFF;
        }
        return ids;
    }

    @Override
    public byte[] bytes(int id) {
        return id >= 0 && id < SIZE ? new byte[] {(byte) id} : NONE;
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    public OptionalInt endOfText() {
        return OptionalInt.empty();
    }
}
