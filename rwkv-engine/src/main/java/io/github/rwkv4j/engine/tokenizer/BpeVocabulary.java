package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A checked {@code tokenizer.json} of a byte-level BPE, such as GPT-NeoX 20B's.
 *
 * @param tokens the bytes of each token by id; empty for gaps and for special tokens
 * @param endOfText the id of {@code <|endoftext|>}, where there is one
 * @param json what the encoder gets: the file without its special tokens, so that text is never read as one
 */
record BpeVocabulary(byte[][] tokens, OptionalInt endOfText, String json) {
    private static final byte[] NONE = {};
    private static final String END_OF_TEXT = "<|endoftext|>";

    private static final JsonMapper JSON = JsonMapper.builder(VocabularyFile.JSON)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** The byte that a character of the byte-level alphabet stands for, -1 for other characters. */
    private static final int[] BYTES = alphabet();

    /**
     * Checks a file's content.
     *
     * @param file what errors call it
     * @throws VocabularyException if it is not the JSON of a byte-level BPE
     */
    static BpeVocabulary parse(byte[] bytes, Path file) {
        JsonNode root;
        try {
            root = JSON.readTree(bytes);
        } catch (JacksonException e) {
            throw new VocabularyException(
                    "Vocabulary %s is not valid JSON (%s): download it again".formatted(file, e.getOriginalMessage()),
                    e);
        }
        JsonNode model = root.path("model");
        if (!(root instanceof ObjectNode object)
                || !model.path("type").asString("").equals("BPE")
                || !model.path("vocab").isObject()
                || !model.path("merges").isArray()
                || model.path("byte_fallback").asBoolean(false)
                || !isByteLevel(root.path("pre_tokenizer"))) {
            throw new VocabularyException(
                    "Vocabulary %s is not a byte-level BPE (model type %s, pre-tokenizer %s), expected one such as GPT-NeoX 20B's tokenizer.json"
                            .formatted(
                                    file,
                                    model.path("type").asString("missing"),
                                    root.path("pre_tokenizer").path("type").asString("missing")));
        }
        SortedMap<Integer, byte[]> tokens = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
            put(tokens, id(entry.getValue(), file), byteLevel(entry.getKey()), entry.getKey(), file);
        }
        JsonNode added = root.path("added_tokens");
        OptionalInt endOfText = added instanceof ArrayNode array
                ? addTokens(array, model.path("vocab"), tokens, file)
                : OptionalInt.empty();
        // A file saved after training may cut or fill texts, which the model's own tokenizer never does.
        object.putNull("truncation");
        object.putNull("padding");
        return new BpeVocabulary(byId(tokens, file), endOfText, object.toString());
    }

    /**
     * Adds the added tokens to {@code tokens}, and makes special ones unreadable in {@code added}: those of the model's
     * vocabulary are taken out; others become a text that nobody can guess, because the library counts their ids.
     *
     * @return the id of the end of text
     */
    private static OptionalInt addTokens(
            ArrayNode added, JsonNode vocabulary, SortedMap<Integer, byte[]> tokens, Path file) {
        OptionalInt endOfText = OptionalInt.empty();
        int next = vocabulary.size();
        for (Iterator<JsonNode> all = added.iterator(); all.hasNext(); ) {
            JsonNode token = all.next();
            int id = id(token.path("id"), file);
            String content = token.path("content").asString("");
            boolean inVocabulary = vocabulary.has(content);
            int expected = inVocabulary ? id(vocabulary.path(content), file) : next;
            if (id != expected || content.isEmpty() || !(token instanceof ObjectNode object)) {
                throw new VocabularyException(
                        "Vocabulary %s: the added token \"%s\" has the id %d, but the library numbers it %d: the file is damaged"
                                .formatted(file, content, id, expected));
            }
            next = Math.max(next, id + 1);
            boolean special = token.path("special").asBoolean(false);
            tokens.put(id, special ? NONE : content.getBytes(StandardCharsets.UTF_8));
            if (special && inVocabulary) {
                all.remove();
            } else if (special) {
                object.put("content", "\uffff" + UUID.randomUUID());
            }
            if (content.equals(END_OF_TEXT)) {
                endOfText = OptionalInt.of(id);
            }
        }
        return endOfText;
    }

    private static boolean isByteLevel(JsonNode preTokenizer) {
        return preTokenizer.path("type").asString("").equals("ByteLevel")
                || preTokenizer.path("pretokenizers").valueStream().anyMatch(BpeVocabulary::isByteLevel);
    }

    private static int id(JsonNode id, Path file) {
        if (!id.isInt() || id.asInt() < 0 || id.asInt() > VocabularyFile.MAX_ID) {
            throw new VocabularyException("Vocabulary %s has the token id %s, expected a whole number from 0 to %d"
                    .formatted(file, id, VocabularyFile.MAX_ID));
        }
        return id.asInt();
    }

    private static void put(
            SortedMap<Integer, byte[]> tokens, int id, byte @Nullable [] bytes, String token, Path file) {
        if (bytes == null || tokens.put(id, bytes) != null) {
            throw new VocabularyException("Vocabulary %s: token \"%s\" of id %d %s"
                    .formatted(
                            file,
                            token,
                            id,
                            bytes == null
                                    ? "holds characters outside the byte-level alphabet, expected a byte-level BPE"
                                    : "is the second of its id, expected each id once"));
        }
    }

    private static byte[][] byId(SortedMap<Integer, byte[]> tokens, Path file) {
        if (tokens.isEmpty()) {
            throw new VocabularyException("Vocabulary %s has no tokens: download it again".formatted(file));
        }
        byte[][] byId = new byte[tokens.lastKey() + 1][];
        Arrays.fill(byId, NONE);
        tokens.forEach((id, bytes) -> byId[id] = bytes);
        return byId;
    }

    private static byte @Nullable [] byteLevel(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTES.length || BYTES[c] < 0) {
                return null;
            }
            bytes[i] = (byte) BYTES[c];
        }
        return bytes;
    }

    /** Bytes that print stand for themselves; the other 68, in order, for U+0100 and up (spec: tokenizers). */
    private static int[] alphabet() {
        int[] bytes = new int[0x100 + 68];
        Arrays.fill(bytes, -1);
        int next = 0x100;
        for (int b = 0; b < 0x100; b++) {
            boolean prints = b >= 0x21 && b <= 0x7e || b >= 0xa1 && b <= 0xac || b >= 0xae;
            bytes[prints ? b : next++] = b;
        }
        return bytes;
    }
}
