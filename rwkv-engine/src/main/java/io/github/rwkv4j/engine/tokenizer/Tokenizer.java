package io.github.rwkv4j.engine.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Text to token ids and back. Implementations are immutable and thread-safe.
 *
 * <p>Encoding never adds special tokens, and text is never read as one. It never fails: half a surrogate pair, which
 * UTF-8 cannot express, becomes a question mark, or what the vocabulary has for unknown characters.
 */
public interface Tokenizer {
    /** Token ids of {@code text}; empty for an empty text. */
    int[] encode(String text);

    /** The bytes that token {@code id} stands for; empty for the end of text and for unused ids. Don't modify. */
    byte[] bytes(int id);

    /** Text of {@code ids}; bytes that form no valid UTF-8 become U+FFFD. */
    default String decode(int... ids) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int id : ids) {
            text.writeBytes(bytes(id));
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    /** One more than the largest id that stands for some text. */
    int size();

    /** The id that ends a document, where the vocabulary has one. */
    OptionalInt endOfText();

    /**
     * The tokenizer of a model (spec: tokenizers): what the caller names, else what the model's file carries, else what
     * lies beside it, the first of {@code <model without extension>.vocab.txt}, {@code vocab.txt},
     * {@code rwkv_vocab_v20230424.txt}, {@code tokenizer.json}, {@code 20B_tokenizer.json} and {@code vocab.json}. Without
     * any, a model of 256 tokens reads bytes. A file that begins with a brace is a {@link BpeTokenizer}'s if it has a
     * {@code model} in it and else a {@link CharacterTokenizer}'s; any other is a {@link WorldTokenizer}'s.
     *
     * @param modelFile the checkpoint
     * @param vocabularySize number of token ids of the model, padding included
     * @param vocabulary a vocabulary file that is taken before all others
     * @param modelsOwn the bytes of each token of a World tokenizer by id, from the checkpoint
     * @throws io.github.rwkv4j.engine.errors.VocabularyException if there is none, it is damaged or does not fit
     */
    static Tokenizer forModel(
            Path modelFile, int vocabularySize, Optional<Path> vocabulary, Optional<byte[][]> modelsOwn) {
        return VocabularyFile.forModel(modelFile, vocabularySize, vocabulary, modelsOwn);
    }
}
