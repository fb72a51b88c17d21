package io.github.rwkv4j.engine.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** A mapped file or a part of it, little-endian; every read is checked against its end. */
record FileBytes(MemorySegment segment) {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    long size() {
        return segment.byteSize();
    }

    /** A part, without copying. */
    FileBytes slice(long offset, long size, String what) {
        requireInside(offset, size, what);
        return new FileBytes(segment.asSlice(offset, size));
    }

    int unsignedByte(long offset) {
        requireInside(offset, 1, "a byte");
        return Byte.toUnsignedInt(segment.get(ValueLayout.JAVA_BYTE, offset));
    }

    int unsignedShort(long offset) {
        requireInside(offset, 2, "a 16-bit number");
        return Short.toUnsignedInt(segment.get(SHORT, offset));
    }

    int int32(long offset) {
        requireInside(offset, 4, "a 32-bit number");
        return segment.get(INT, offset);
    }

    long unsignedInt(long offset) {
        return Integer.toUnsignedLong(int32(offset));
    }

    long int64(long offset) {
        requireInside(offset, 8, "a 64-bit number");
        return segment.get(LONG, offset);
    }

    /** A string, whose length the caller has bounded. */
    String utf8(long offset, int length, String what) {
        requireInside(offset, length, what);
        byte[] bytes = segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw CheckpointReader.damaged("%s at byte %d is not UTF-8".formatted(what, offset));
        }
    }

    String hex(long offset, long length) {
        return HexFormat.ofDelimiter(" ")
                .formatHex(segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE));
    }

    private void requireInside(long offset, long size, String what) {
        if (offset < 0 || size < 0 || offset > size() - size) {
            throw CheckpointReader.damaged("%s of %d bytes is expected at byte %d, but the file or part ends at %d"
                    .formatted(what, size, offset, size()));
        }
    }
}
