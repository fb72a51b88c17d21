package io.github.rwkv4j.langchain4j;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ChatMessageDeserializer;
import dev.langchain4j.data.message.ChatMessageSerializer;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotCodec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A conversation as a file, numbers big-endian:
 *
 * <pre>
 * 8 bytes  "RWKVTALK"
 * 1 byte   version, 1
 * 4 bytes  length of the messages, and they as LangChain4j's JSON in UTF-8
 * the rest the snapshot, as the engine encodes it (exact)
 * </pre>
 */
record ConversationFile(List<ChatMessage> messages, Snapshot snapshot) {
    private static final byte[] MAGIC = "RWKVTALK".getBytes(StandardCharsets.US_ASCII);
    private static final byte VERSION = 1;
    private static final int HEADER = 8 + 1 + Integer.BYTES;

    void write(Path file) {
        byte[] json = ChatMessageSerializer.messagesToJson(messages).getBytes(StandardCharsets.UTF_8);
        byte[] state = SnapshotCodec.encode(snapshot, SnapshotCodec.Encoding.FP32);
        byte[] bytes = ByteBuffer.allocate(HEADER + json.length + state.length)
                .put(MAGIC)
                .put(VERSION)
                .putInt(json.length)
                .put(json)
                .put(state)
                .array();
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @throws SnapshotException if it is no such file, of a newer format, or damaged */
    static ConversationFile read(Path file) {
        ByteBuffer in;
        try {
            in = ByteBuffer.wrap(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (in.remaining() < HEADER || !in.slice(0, MAGIC.length).equals(ByteBuffer.wrap(MAGIC))) {
            throw new SnapshotException("%s is no exported conversation".formatted(file));
        }
        in.position(MAGIC.length);
        byte version = in.get();
        if (version != VERSION) {
            throw new SnapshotException(
                    "%s has format %d, but this version reads format %d".formatted(file, version, VERSION));
        }
        int length = in.getInt();
        if (length < 0 || length > in.remaining()) {
            throw new SnapshotException("%s is damaged: it tells of %d bytes of messages, but has %d"
                    .formatted(file, length, in.remaining()));
        }
        byte[] json = new byte[length];
        in.get(json);
        byte[] state = new byte[in.remaining()];
        in.get(state);
        Snapshot snapshot = SnapshotCodec.decode(state);
        try {
            return new ConversationFile(
                    ChatMessageDeserializer.messagesFromJson(new String(json, StandardCharsets.UTF_8)), snapshot);
        } catch (RuntimeException e) {
            throw new SnapshotException("%s is damaged: its messages can't be read".formatted(file), e);
        }
    }
}
