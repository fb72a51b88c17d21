package io.github.rwkv4j.langchain4j;

import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.Digests;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a snapshot notes of the conversation it has seen, so that it is never taken for the past of another: hashes of its
 * system part and its turns, as they were rendered.
 *
 * <pre>
 * 1 byte    version, 1
 * 16 bytes  hash of the system part
 * 32 bytes  hash of all turns: c(0) = 0, c(n) = SHA-256(c(n-1), hash of turn n)
 * 4 bytes   number of all turns
 * 2 bytes   length of the conversation's name, and its bytes in UTF-8
 * 4 bytes   number of hashes that follow, of 16 bytes each, of the last turns
 * </pre>
 *
 * Numbers are big-endian; a hash of 16 bytes is the first half of a SHA-256.
 *
 * @param conversation what the states of one conversation are stored under
 * @param system hash of the system part
 * @param all hash of all turns
 * @param count number of all turns
 * @param last hashes of the last turns, at most {@link #MOST_HASHES}
 */
record PastNote(String conversation, byte[] system, byte[] all, int count, byte[] last) {
    static final int MOST_HASHES = 1024;
    private static final int HASH = 16;
    private static final int CHAIN = 32;
    private static final byte VERSION = 1;

    /** What a conversation begins with; no turn yet. */
    static PastNote start(String conversation, boolean endOfTextFirst, String system) {
        return new PastNote(conversation, hash((endOfTextFirst ? "1" : "0") + system), new byte[CHAIN], 0, new byte[0]);
    }

    /** The same conversation after more turns. */
    PastNote with(List<Prompt.Turn> turns) {
        byte[] hashes = hashes(turns);
        byte[] joined = Arrays.copyOf(last, last.length + hashes.length);
        System.arraycopy(hashes, 0, joined, last.length, hashes.length);
        int kept = Math.min(joined.length, MOST_HASHES * HASH);
        return new PastNote(
                conversation,
                system,
                chain(all, hashes),
                count + turns.size(),
                Arrays.copyOfRange(joined, joined.length - kept, joined.length));
    }

    PastNote named(String name) {
        return new PastNote(name, system, all, count, last);
    }

    /** Whether this begins as {@code other} does. */
    boolean hasSystemOf(PastNote other) {
        return Arrays.equals(system, other.system);
    }

    /** Whether the turns of {@code visible} are all that there were. */
    boolean isAllOf(PastNote visible) {
        return count == visible.count && Arrays.equals(all, visible.all);
    }

    /** Whether the turns of {@code visible} are the last ones that there were. */
    boolean endsWith(PastNote visible) {
        int length = visible.last.length;
        boolean comparable = visible.count <= MOST_HASHES && length <= last.length;
        return isAllOf(visible)
                || comparable && Arrays.equals(last, last.length - length, last.length, visible.last, 0, length);
    }

    byte[] encode() {
        byte[] name = conversation.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(
                        1 + HASH + CHAIN + Integer.BYTES + Short.BYTES + name.length + Integer.BYTES + last.length)
                .put(VERSION)
                .put(system)
                .put(all)
                .putInt(count)
                .putShort((short) name.length)
                .put(name)
                .putInt(last.length / HASH)
                .put(last)
                .array();
    }

    /** @throws SnapshotException if a note is there that can't be read */
    static Optional<PastNote> decode(byte[] note) {
        if (note.length == 0) {
            return Optional.empty();
        }
        ByteBuffer in = ByteBuffer.wrap(note);
        try {
            byte version = in.get();
            if (version != VERSION) {
                throw new SnapshotException(
                        "The snapshot's note has format %d, but this version reads %d".formatted(version, VERSION));
            }
            byte[] system = bytes(in, HASH);
            byte[] all = bytes(in, CHAIN);
            int count = in.getInt();
            String conversation = new String(bytes(in, Short.toUnsignedInt(in.getShort())), StandardCharsets.UTF_8);
            int hashes = in.getInt();
            if (hashes != Math.min(count, MOST_HASHES) || in.remaining() != hashes * HASH) {
                throw new SnapshotException(
                        "The snapshot's note tells of %d turns in %d bytes".formatted(count, in.remaining()));
            }
            return Optional.of(new PastNote(conversation, system, all, count, bytes(in, in.remaining())));
        } catch (BufferUnderflowException e) {
            throw new SnapshotException("The snapshot's note ends too early, after %d bytes".formatted(note.length), e);
        }
    }

    private static byte[] bytes(ByteBuffer in, int length) {
        if (length > in.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }

    private static byte[] hashes(List<Prompt.Turn> turns) {
        byte[] hashes = new byte[turns.size() * HASH];
        for (int i = 0; i < turns.size(); i++) {
            System.arraycopy(hash(turns.get(i).text()), 0, hashes, i * HASH, HASH);
        }
        return hashes;
    }

    private static byte[] hash(String text) {
        return Arrays.copyOf(Digests.sha256().digest(text.getBytes(StandardCharsets.UTF_8)), HASH);
    }

    private static byte[] chain(byte[] start, byte[] hashes) {
        MessageDigest digest = Digests.sha256();
        byte[] link = start;
        for (int i = 0; i < hashes.length; i += HASH) {
            digest.update(link);
            digest.update(hashes, i, HASH);
            link = digest.digest();
        }
        return link;
    }

    @Override
    public String toString() {
        return "PastNote[%s, %d turns]".formatted(conversation, count);
    }
}
