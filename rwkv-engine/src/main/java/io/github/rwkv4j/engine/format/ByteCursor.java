package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;

/** Reads a mapped file from front to back. */
final class ByteCursor {
    private final FileBytes file;
    private long position;

    ByteCursor(FileBytes file, long position) {
        this.file = file;
        this.position = position;
    }

    long position() {
        return position;
    }

    boolean atEnd() {
        return position == file.size();
    }

    int unsignedByte() {
        return file.unsignedByte(advance(1));
    }

    int unsignedShort() {
        return file.unsignedShort(advance(2));
    }

    int int32() {
        return file.int32(advance(4));
    }

    long unsignedInt() {
        return file.unsignedInt(advance(4));
    }

    long int64() {
        return file.int64(advance(8));
    }

    /** The 64-bit length of a string, which may be at most {@code most}. */
    int length(int most, String what) {
        long length = int64();
        if (length < 0 || length > most) {
            throw damaged(
                    "%s at byte %d has a length of %d; expected at most %d".formatted(what, position, length, most));
        }
        return (int) length;
    }

    String utf8(int length, String what) {
        return file.utf8(advance(length), length, what);
    }

    /** The next bytes, without copying. */
    FileBytes bytes(long length, String what) {
        FileBytes bytes = file.slice(position, length, what);
        position += length;
        return bytes;
    }

    /** Bytes from here to the end. */
    long remaining() {
        return file.size() - position;
    }

    private long advance(int length) {
        long at = position;
        position += length;
        return at;
    }
}
