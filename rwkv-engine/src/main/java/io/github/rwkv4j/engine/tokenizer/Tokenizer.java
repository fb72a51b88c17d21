package io.github.rwkv4j.engine.tokenizer;

import java.util.OptionalInt;

/**
 * Text to token ids and back. Implementations are immutable and thread-safe.
 *
 * <p>Encoding never adds special tokens, and text is never read as one.
 */
public interface Tokenizer {
    /** Token ids of {@code text}; empty for an empty text. */
    int[] encode(String text);

    /** The bytes that token {@code id} stands for; empty for the end of text and for unused ids. Don't modify. */
    byte[] bytes(int id);

    /** Text of {@code ids}; bytes that form no valid UTF-8 become U+FFFD. */
    String decode(int... ids);

    /** One more than the largest id that stands for some text. */
    int size();

    /** The id that ends a document, where the vocabulary has one. */
    OptionalInt endOfText();
}
