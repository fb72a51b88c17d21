package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The entries of a ZIP file as they lie in the mapped file, which {@code java.util.zip} cannot tell: storages are used in
 * place. Stored entries only, so that no entry can be larger than the file. Fields as in PKWARE's APPNOTE.TXT 4.3 and
 * 4.5.3 (ZIP64).
 */
final class ZipDirectory {
    private static final int LOCAL_HEADER = 0x04034b50;
    private static final int CENTRAL_HEADER = 0x02014b50;
    private static final int END = 0x06054b50;
    private static final int ZIP64_END = 0x06064b50;
    private static final int ZIP64_LOCATOR = 0x07064b50;
    private static final int ZIP64_EXTRA = 1;

    private static final int LOCAL_SIZE = 30;
    private static final int CENTRAL_SIZE = 46;
    private static final int END_SIZE = 22;
    private static final int LOCATOR_SIZE = 20;

    private static final long IN_ZIP64 = 0xffff_ffffL;
    private static final int MAX_ENTRIES = TensorTable.MAX_TENSORS + 64;
    private static final int MAX_NAME = 1024;

    private final FileBytes file;
    private final Map<String, FileBytes> entries = new LinkedHashMap<>();
    private final List<Range> ranges = new ArrayList<>();

    private ZipDirectory(FileBytes file) {
        this.file = file;
    }

    /** The content of each entry by name, in the directory's order. */
    static Map<String, FileBytes> read(FileBytes file) {
        ZipDirectory zip = new ZipDirectory(file);
        zip.readAll();
        return zip.entries;
    }

    private void readAll() {
        long end = findEnd();
        long count = file.unsignedShort(end + 10);
        long size = file.unsignedInt(end + 12);
        long at = file.unsignedInt(end + 16);
        if (end >= LOCATOR_SIZE && file.int32(end - LOCATOR_SIZE) == ZIP64_LOCATOR) {
            end = file.int64(end - LOCATOR_SIZE + 8);
            if (file.int32(end) != ZIP64_END) {
                throw damaged("ZIP64 end record is missing at byte " + end);
            }
            count = file.int64(end + 32);
            size = file.int64(end + 40);
            at = file.int64(end + 48);
        }
        if (count < 0 || count > MAX_ENTRIES || size < count * CENTRAL_SIZE || at < 0 || at > end - size) {
            throw damaged(
                    "ZIP directory of %d entries lies at byte %d, %d bytes long; expected at most %d entries before byte %d"
                            .formatted(count, at, size, MAX_ENTRIES, end));
        }
        FileBytes directory = file.slice(at, size, "ZIP directory");
        long position = 0;
        for (long i = 0; i < count; i++) {
            position += readEntry(directory, position, at);
        }
        Range.requireDisjoint(ranges);
    }

    private long findEnd() {
        long last = file.size() - END_SIZE;
        for (long at = last; at >= Math.max(0, last - 0xffff); at--) {
            if (file.int32(at) == END && file.unsignedShort(at + 20) == last - at) {
                return at;
            }
        }
        throw damaged("ZIP directory is missing; expected it at the end");
    }

    /** Reads one entry of the directory and returns its length; its content must end before {@code limit}. */
    private long readEntry(FileBytes directory, long at, long limit) {
        if (directory.int32(at) != CENTRAL_HEADER) {
            throw damaged("ZIP directory holds no entry where expected, %d bytes from its start".formatted(at));
        }
        int flags = directory.unsignedShort(at + 8);
        int method = directory.unsignedShort(at + 10);
        int nameLength = directory.unsignedShort(at + 28);
        int extraLength = directory.unsignedShort(at + 30);
        if (nameLength > MAX_NAME) {
            throw damaged("ZIP entry has a name of %d bytes; expected at most %d".formatted(nameLength, MAX_NAME));
        }
        String name = directory.utf8(at + CENTRAL_SIZE, nameLength, "ZIP entry name");
        if (method != 0 || (flags & 1) != 0) {
            throw new CheckpointException("ZIP entry %s is compressed or encrypted (method %d, flags %d);"
                            .formatted(quoted(name), method, flags)
                    + " expected stored entries as torch.save writes them, save the checkpoint again with it");
        }
        Extent extent = extent(directory, at, at + CENTRAL_SIZE + nameLength, extraLength, name);
        FileBytes content = content(name, nameLength, extent, limit);
        if (entries.put(name, content) != null) {
            throw damaged("ZIP entry " + quoted(name) + " occurs twice");
        }
        return CENTRAL_SIZE + nameLength + extraLength + directory.unsignedShort(at + 32);
    }

    private record Extent(long localHeader, long size) {}

    /** Size and place of an entry; values that do not fit 32 bits stand in the ZIP64 extra field, in this order. */
    private static Extent extent(FileBytes directory, long at, long extraAt, int extraLength, String name) {
        FileBytes extra = directory.slice(extraAt, extraLength, "ZIP extra field");
        long zip64 = 0;
        while (zip64 + 4 <= extraLength && extra.unsignedShort(zip64) != ZIP64_EXTRA) {
            zip64 += 4 + extra.unsignedShort(zip64 + 2);
        }
        zip64 += 4;
        long[] fields = {directory.unsignedInt(at + 24), directory.unsignedInt(at + 20), directory.unsignedInt(at + 42)
        };
        for (int i = 0; i < fields.length; i++) {
            if (fields[i] == IN_ZIP64) {
                fields[i] = extra.int64(zip64);
                zip64 += 8;
            }
        }
        if (fields[0] != fields[1]) {
            throw damaged("ZIP entry %s has %d bytes stored as %d; expected the same"
                    .formatted(quoted(name), fields[0], fields[1]));
        }
        return new Extent(fields[2], fields[0]);
    }

    private FileBytes content(String name, int nameLength, Extent extent, long limit) {
        long at = extent.localHeader;
        if (file.int32(at) != LOCAL_HEADER
                || file.unsignedShort(at + 8) != 0
                || file.unsignedShort(at + 26) != nameLength
                || !file.utf8(at + LOCAL_SIZE, nameLength, "ZIP entry name").equals(name)) {
            throw damaged("ZIP entry %s does not start at byte %d as its directory says".formatted(quoted(name), at));
        }
        // The padding that aligns a storage stands in the local extra field only.
        long begin = at + LOCAL_SIZE + nameLength + file.unsignedShort(at + 28);
        if (extent.size < 0 || begin > limit - extent.size) {
            throw damaged("ZIP entry %s of %d bytes at byte %d does not end before the directory at %d"
                    .formatted(quoted(name), extent.size, begin, limit));
        }
        ranges.add(new Range(name, at, begin + extent.size));
        return file.slice(begin, extent.size, "ZIP entry");
    }
}
