package io.github.rwkv4j.engine.format;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes ZIP files with stored entries as {@code torch.save} does, and lets a test lie about each field. */
final class ZipFile {
    /** What the directory says of an entry. */
    record Entry(String name, int flags, int method, long compressed, long size, long offset) {
        Entry withMethod(int method) {
            return new Entry(name, flags, method, compressed, size, offset);
        }

        Entry withFlags(int flags) {
            return new Entry(name, flags, method, compressed, size, offset);
        }

        Entry withSizes(long compressed, long size) {
            return new Entry(name, flags, method, compressed, size, offset);
        }

        Entry withOffset(long offset) {
            return new Entry(name, flags, method, compressed, size, offset);
        }
    }

    private static final int UNKNOWN = -1;

    final List<Entry> entries = new ArrayList<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private boolean zip64;

    static ZipFile of(byte[] pickle, byte[]... storages) {
        ZipFile zip = new ZipFile().add("model/data.pkl", pickle);
        for (int i = 0; i < storages.length; i++) {
            zip.add("model/data/" + i, storages[i]);
        }
        return zip;
    }

    ZipFile add(String name, byte[] content) {
        byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
        entries.add(new Entry(name, 0x808, 0, content.length, content.length, out.size()));
        int padding = 64 - (out.size() + 30 + nameBytes.length) % 64;
        // Sizes of 0 in the local header, as with a data descriptor, and padding that only the local header has.
        out.writeBytes(little(30)
                .putInt(0x04034b50)
                .putShort(6, (short) 0x808)
                .putShort(26, (short) nameBytes.length)
                .putShort(28, (short) padding)
                .array());
        out.writeBytes(nameBytes);
        out.writeBytes(new byte[padding]);
        out.writeBytes(content);
        return this;
    }

    /** Puts sizes and offsets into ZIP64 fields, as a writer does for files over 4 GiB. */
    ZipFile inZip64() {
        zip64 = true;
        return this;
    }

    /** Ends the file with a directory of {@link #entries} as they are now. */
    byte[] bytes() {
        long directory = out.size();
        for (Entry entry : entries) {
            writeDirectory(entry);
        }
        long size = out.size() - directory;
        if (zip64) {
            long end = out.size();
            out.writeBytes(little(56)
                    .putInt(0x06064b50)
                    .putLong(4, 44)
                    .putLong(24, entries.size())
                    .putLong(32, entries.size())
                    .putLong(40, size)
                    .putLong(48, directory)
                    .array());
            out.writeBytes(
                    little(20).putInt(0x07064b50).putLong(8, end).putInt(16, 1).array());
        }
        out.writeBytes(little(22)
                .putInt(0x06054b50)
                .putShort(8, (short) entries.size())
                .putShort(10, (short) entries.size())
                .putInt(12, zip64 ? UNKNOWN : (int) size)
                .putInt(16, zip64 ? UNKNOWN : (int) directory)
                .array());
        return out.toByteArray();
    }

    private void writeDirectory(Entry entry) {
        byte[] name = entry.name.getBytes(StandardCharsets.UTF_8);
        out.writeBytes(little(46)
                .putInt(0x02014b50)
                .putShort(8, (short) entry.flags)
                .putShort(10, (short) entry.method)
                .putInt(20, zip64 ? UNKNOWN : (int) entry.compressed)
                .putInt(24, zip64 ? UNKNOWN : (int) entry.size)
                .putShort(28, (short) name.length)
                .putShort(30, (short) (zip64 ? 36 : 0))
                .putInt(42, zip64 ? UNKNOWN : (int) entry.offset)
                .array());
        out.writeBytes(name);
        if (zip64) {
            // Another extra field comes first and must be skipped.
            out.writeBytes(little(36)
                    .putShort((short) 0x4246)
                    .putShort((short) 4)
                    .putInt(0)
                    .putShort((short) 1)
                    .putShort((short) 24)
                    .putLong(entry.size)
                    .putLong(entry.compressed)
                    .putLong(entry.offset)
                    .array());
        }
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
