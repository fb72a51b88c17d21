package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * The greedy tokenizer of the RWKV World models: at each place the longest token that matches the UTF-8 bytes, without
 * normalisation or splitting beforehand (spec: tokenizers). Id 0 ends a text and has no bytes.
 */
public final class WorldTokenizer implements Tokenizer {
    private static final byte[] NONE = {};

    /** By id; empty for unused ids. */
    private final byte[][] tokens;

    private final ByteTrie trie;

    /**
     * A vocabulary from memory.
     *
     * @param tokens the bytes of each token, by id; empty for unused ids and for id 0. Not copied: don't modify
     * @throws VocabularyException if id 0 has bytes, two ids have the same, or one of the single bytes that occur in
     *     UTF-8 is missing
     */
    public WorldTokenizer(byte[][] tokens) {
        this(tokens, "Vocabulary", id -> "id " + id);
    }

    /**
     * @param source what errors call the vocabulary
     * @param place what errors call the place where an id is defined
     */
    WorldTokenizer(byte[][] tokens, String source, IntFunction<String> place) {
        if (tokens.length > 0 && tokens[0].length > 0) {
            throw new VocabularyException("%s: id 0 stands for the bytes %s, but it ends a text and must have none"
                    .formatted(source, HexFormat.of().formatHex(tokens[0])));
        }
        int[] sorted = IntStream.range(0, tokens.length)
                .filter(id -> tokens[id].length > 0)
                .boxed()
                .sorted((a, b) -> Arrays.compareUnsigned(tokens[a], tokens[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        requireUnique(tokens, sorted, source, place);
        requireSingleBytes(tokens, source);
        int size = Arrays.stream(sorted).max().orElse(0) + 1;
        this.tokens = Arrays.copyOf(tokens, size);
        this.trie = new ByteTrie(tokens, sorted);
    }

    /**
     * Reads a vocabulary file in the World format: one token a line, {@code ID LITERAL LENGTH}.
     *
     * @throws VocabularyException if the file is missing or has any defect; the message names its line
     */
    public static WorldTokenizer read(Path file) {
        return new WorldVocabularyReader(file).read(VocabularyFile.bytes(file));
    }

    private static void requireUnique(byte[][] tokens, int[] sorted, String source, IntFunction<String> place) {
        for (int i = 1; i < sorted.length; i++) {
            if (Arrays.equals(tokens[sorted[i - 1]], tokens[sorted[i]])) {
                throw new VocabularyException("%s, %s: the bytes %s are those of %s, expected each token once"
                        .formatted(
                                source,
                                place.apply(Math.max(sorted[i - 1], sorted[i])),
                                HexFormat.of().formatHex(tokens[sorted[i]]),
                                place.apply(Math.min(sorted[i - 1], sorted[i]))));
            }
        }
    }

    /** With every single byte a token that occurs in UTF-8, every text can be encoded. */
    private static void requireSingleBytes(byte[][] tokens, String source) {
        boolean[] found = new boolean[256];
        for (byte[] token : tokens) {
            if (token.length == 1) {
                found[token[0] & 0xFF] = true;
            }
        }
        for (int b = 0; b < found.length; b++) {
            if (!found[b] && b != 0xC0 && b != 0xC1 && b < 0xF5) {
                throw new VocabularyException(
                        "%s: no token stands for the single byte 0x%02x, expected one for each that occurs in UTF-8: the vocabulary is incomplete"
                                .formatted(source, b));
            }
        }
    }

    @Override
    public int[] encode(String text) {
        return encode(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Token ids of any bytes; they need not be UTF-8.
     *
     * @throws VocabularyException if one of the bytes that never occur in UTF-8 is among them and no token stands for it
     */
    public int[] encode(byte[] bytes) {
        int[] ids = new int[bytes.length / 4 + 16];
        int count = 0;
        for (int at = 0; at < bytes.length; count++) {
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, 2 * count);
            }
            ids[count] = trie.longestMatch(bytes, at);
            if (ids[count] == 0) {
                throw new VocabularyException(
                        "No token of the vocabulary stands for the byte 0x%02x".formatted(bytes[at] & 0xFF));
            }
            at += tokens[ids[count]].length;
        }
        return Arrays.copyOf(ids, count);
    }

    @Override
    public byte[] bytes(int id) {
        return id >= 0 && id < tokens.length ? tokens[id] : NONE;
    }

    @Override
    public int size() {
        return tokens.length;
    }

    @Override
    public OptionalInt endOfText() {
        return OptionalInt.of(0);
    }
}
