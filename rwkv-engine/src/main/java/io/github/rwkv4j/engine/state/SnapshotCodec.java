package io.github.rwkv4j.engine.state;

import io.github.rwkv4j.engine.errors.SnapshotException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.OptionalInt;

/** Snapshots as bytes, described byte by byte in {@code docs/state.md}. */
public final class SnapshotCodec {
    /** How the state's numbers are written. */
    public enum Encoding {
        /** Exact. */
        FP32(Float.BYTES),
        /** Rounded to the nearest, half the bytes; numbers beyond ±65504 become the nearest of those. */
        FP16(Short.BYTES);

        private final int bytes;

        Encoding(int bytes) {
            this.bytes = bytes;
        }
    }

    /** "RWKVSNAP". */
    private static final long MAGIC = 0x50414E53564B5752L;

    private static final int VERSION = 1;
    private static final int HASH = 32;
    private static final int HEADER = 8 + 2 + 1 + 1 + HASH + HASH + 8 + 4 + 4 + 4;
    private static final int CHECKSUM = 4;
    private static final float LARGEST_HALF = 65504;

    private SnapshotCodec() {}

    public static byte[] encode(Snapshot snapshot, Encoding encoding) {
        byte[] note = snapshot.note();
        float[] state = snapshot.numbers();
        ByteBuffer out = ByteBuffer.allocate(
                        Math.toIntExact(HEADER + note.length + (long) state.length * encoding.bytes + CHECKSUM))
                .order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(MAGIC)
                .putShort((short) VERSION)
                .put((byte) encoding.ordinal())
                .put((byte) (snapshot.unfed().isPresent() ? 1 : 0))
                .put(HexFormat.of().parseHex(snapshot.model()))
                .put(HexFormat.of().parseHex(snapshot.history()))
                .putLong(snapshot.position())
                .putInt(snapshot.unfed().orElse(0))
                .putInt(note.length)
                .putInt(state.length)
                .put(note);
        switch (encoding) {
            case FP32 -> {
                out.asFloatBuffer().put(state);
                out.position(out.position() + Float.BYTES * state.length);
            }
            case FP16 -> {
                for (float number : state) {
                    out.putShort(Float.floatToFloat16(Math.clamp(number, -LARGEST_HALF, LARGEST_HALF)));
                }
            }
        }
        return out.putInt(Digests.crc32c(out.array(), out.position())).array();
    }

    /**
     * @throws SnapshotException if the bytes are no snapshot, one of a newer format, or damaged; what is allocated is no
     *     more than twice their length
     */
    public static Snapshot decode(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < HEADER + CHECKSUM || in.getLong() != MAGIC) {
            throw new SnapshotException("These %,d bytes are no snapshot of a state".formatted(bytes.length));
        }
        int version = in.getShort();
        if (version != VERSION) {
            throw new SnapshotException("The snapshot has format %d, but this version of the engine reads format %d"
                    .formatted(version, VERSION));
        }
        if (Digests.crc32c(bytes, bytes.length - CHECKSUM) != in.getInt(bytes.length - CHECKSUM)) {
            throw damaged("its checksum is wrong");
        }
        int encoding = in.get();
        int flags = in.get();
        if (encoding < 0 || encoding >= Encoding.values().length || flags < 0 || flags > 1) {
            throw damaged("its encoding %d or flags %d are unknown".formatted(encoding, flags));
        }
        String model = hash(in);
        String history = hash(in);
        long position = in.getLong();
        int unfed = in.getInt();
        int noteLength = in.getInt();
        int count = in.getInt();
        int width = Encoding.values()[encoding].bytes;
        if (noteLength < 0 || count < 0 || HEADER + noteLength + (long) count * width + CHECKSUM != bytes.length) {
            throw damaged("it tells of %d numbers and a note of %d bytes, but has %,d bytes"
                    .formatted(count, noteLength, bytes.length));
        }
        byte[] note = new byte[noteLength];
        in.get(note);
        float[] state = new float[count];
        switch (Encoding.values()[encoding]) {
            case FP32 -> in.asFloatBuffer().get(state);
            case FP16 -> {
                for (int i = 0; i < count; i++) {
                    state[i] = Float.float16ToFloat(in.getShort());
                }
            }
        }
        return new Snapshot(
                model, position, flags == 1 ? OptionalInt.of(unfed) : OptionalInt.empty(), history, state, note);
    }

    private static String hash(ByteBuffer in) {
        byte[] hash = new byte[HASH];
        in.get(hash);
        return HexFormat.of().formatHex(hash);
    }

    private static SnapshotException damaged(String how) {
        return new SnapshotException("The snapshot is damaged: " + how);
    }
}
