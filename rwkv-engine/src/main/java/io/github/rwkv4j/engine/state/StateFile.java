package io.github.rwkv4j.engine.state;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;

/** A state's entry and data as the bytes of one file, described in {@code docs/state.md}. */
record StateFile(StateEntry entry, byte[] data) {
    /** "RWKVFILE". */
    private static final long MAGIC = 0x454C4946564B5752L;

    private static final int VERSION = 1;
    private static final int FIXED = 8 + 4 + 8 + 8 + 8;
    private static final int CHECKSUM = 4;

    byte[] toBytes() {
        byte[][] texts = {utf8(entry.tenant()), utf8(entry.id()), utf8(entry.conversation()), utf8(entry.prefix())};
        int length = FIXED + data.length + CHECKSUM;
        for (byte[] text : texts) {
            length += Integer.BYTES + text.length;
        }
        ByteBuffer out = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(MAGIC)
                .putInt(VERSION)
                .putLong(entry.position())
                .putLong(entry.created().toEpochMilli())
                .putLong(data.length);
        for (byte[] text : texts) {
            out.putInt(text.length).put(text);
        }
        out.put(data);
        return out.putInt(Digests.crc32c(out.array(), out.position())).array();
    }

    /** What a file holds; none if it is no whole file of this kind. */
    static Optional<StateFile> of(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < FIXED + CHECKSUM || in.getLong() != MAGIC || in.getInt() != VERSION) {
            return Optional.empty();
        }
        int end = bytes.length - CHECKSUM;
        if (Digests.crc32c(bytes, end) != in.getInt(end)) {
            return Optional.empty();
        }
        long position = in.getLong();
        Instant created = Instant.ofEpochMilli(in.getLong());
        long dataLength = in.getLong();
        in.limit(end);
        String[] texts = new String[4];
        for (int i = 0; i < texts.length; i++) {
            int length = in.remaining() < Integer.BYTES ? -1 : in.getInt();
            if (length < 0 || length > in.remaining()) {
                return Optional.empty();
            }
            byte[] text = new byte[length];
            in.get(text);
            texts[i] = new String(text, StandardCharsets.UTF_8);
        }
        if (dataLength != in.remaining()) {
            return Optional.empty();
        }
        byte[] data = new byte[in.remaining()];
        in.get(data);
        return Optional.of(new StateFile(
                new StateEntry(texts[0], texts[1], texts[2], texts[3], position, created, dataLength), data));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
