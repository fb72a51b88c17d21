package io.github.rwkv4j.engine.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Decodes tokens one by one. A token may end within a character: its bytes, three at most, are held back until the
 * character is whole or cannot become valid. All pieces together are exactly what {@link Tokenizer#decode} gives.
 * Not thread-safe.
 */
public final class StreamingDecoder {
    private static final int INCOMPLETE = 3;

    private final Tokenizer tokenizer;
    private final CharsetDecoder utf8 = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);

    /** Ready to be written: begins with the bytes held back. */
    private ByteBuffer pending = ByteBuffer.allocate(64);

    private CharBuffer text = CharBuffer.allocate(64);

    public StreamingDecoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** The text that token {@code id} completes, often all of its own; may be empty. */
    public String append(int id) {
        byte[] bytes = tokenizer.bytes(id);
        if (pending.remaining() < bytes.length) {
            pending = ByteBuffer.allocate(2 * (INCOMPLETE + bytes.length)).put(pending.flip());
            text = CharBuffer.allocate(pending.capacity());
        }
        pending.put(bytes);
        return decode(false);
    }

    /** The end: U+FFFD where an incomplete character was held back, else nothing. */
    public String finish() {
        String rest = decode(true);
        utf8.reset();
        return rest;
    }

    private String decode(boolean end) {
        // One byte gives at most one char, so the text never overflows.
        utf8.decode(pending.flip(), text, end);
        pending.compact();
        String complete = text.flip().toString();
        text.clear();
        return complete;
    }
}
