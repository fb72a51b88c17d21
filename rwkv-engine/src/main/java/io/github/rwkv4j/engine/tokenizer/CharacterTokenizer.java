package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One id per character (Unicode code point), as the early novel models have it. Characters outside the table become
 * the id of U+E083, which the original scripts agreed on; where the table lacks it, the id of the space; and without
 * that they are left out.
 */
public final class CharacterTokenizer implements Tokenizer {
    private static final int UNKNOWN = 0xE083;

    private static final JsonMapper JSON = JsonMapper.builder(VocabularyFile.JSON)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final byte[] NONE = {};

    /** By id; empty where the table has a gap. */
    private final byte[][] tokens;

    /** By code point; -1 where the table has none. */
    private final int[] ids;

    /** Id of unknown characters, -1 to leave them out. */
    private final int unknown;

    private CharacterTokenizer(SortedMap<Integer, Integer> codePoints) {
        tokens = new byte[codePoints.lastKey() + 1][];
        Arrays.fill(tokens, NONE);
        ids = new int
                [codePoints.values().stream().mapToInt(Integer::intValue).max().orElseThrow() + 1];
        Arrays.fill(ids, -1);
        codePoints.forEach((id, codePoint) -> {
            tokens[id] = Character.toString(codePoint).getBytes(StandardCharsets.UTF_8);
            ids[codePoint] = id;
        });
        unknown = id(UNKNOWN) >= 0 ? id(UNKNOWN) : id(' ');
    }

    /**
     * Reads a JSON object from id (as a string) to one character, such as <code>{"0": "\n", "1": "a"}</code>, encoded in
     * UTF-8 or UTF-16.
     *
     * @throws VocabularyException if the file is missing or is anything else
     */
    public static CharacterTokenizer read(Path file) {
        return parse(VocabularyFile.bytes(file), file);
    }

    static CharacterTokenizer parse(byte[] bytes, Path file) {
        JsonNode json;
        try {
            json = JSON.readTree(bytes);
        } catch (JacksonException e) {
            throw new VocabularyException(
                    "Vocabulary %s is not valid JSON (%s), expected an object from id to one character such as {\"0\": \"\\n\"}"
                            .formatted(file, e.getMessage()),
                    e);
        }
        if (!json.isObject() || json.isEmpty()) {
            throw new VocabularyException(
                    "Vocabulary %s holds no JSON object with entries, expected one from id to one character such as {\"0\": \"\\n\"}"
                            .formatted(file));
        }
        TreeMap<Integer, Integer> codePoints = new TreeMap<>();
        TreeMap<Integer, Integer> known = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : json.properties()) {
            int id = id(file, entry.getKey());
            int codePoint = codePoint(file, id, entry.getValue());
            Integer other = known.putIfAbsent(codePoint, id);
            if (other != null) {
                throw new VocabularyException(
                        "Vocabulary %s: ids %d and %d both stand for U+%04X, expected each character once"
                                .formatted(file, other, id, codePoint));
            }
            codePoints.put(id, codePoint);
        }
        return new CharacterTokenizer(codePoints);
    }

    private static int id(Path file, String key) {
        if (!key.matches("0|[1-9][0-9]{0,6}") || Integer.parseInt(key) > VocabularyFile.MAX_ID) {
            throw new VocabularyException(
                    "Vocabulary %s: \"%s\" is not a token id, expected a whole number from 0 to %d"
                            .formatted(file, key, VocabularyFile.MAX_ID));
        }
        return Integer.parseInt(key);
    }

    private static int codePoint(Path file, int id, JsonNode value) {
        String text = value.isString() ? value.stringValue() : "";
        boolean oneCharacter = text.codePointCount(0, text.length()) == 1;
        if (!oneCharacter || (text.length() == 1 && Character.isSurrogate(text.charAt(0)))) {
            throw new VocabularyException(
                    "Vocabulary %s: id %d stands for %s, expected one character".formatted(file, id, value));
        }
        return text.codePointAt(0);
    }

    @Override
    public int[] encode(String text) {
        return text.codePoints()
                .map(codePoint -> id(codePoint) >= 0 ? id(codePoint) : unknown)
                .filter(id -> id >= 0)
                .toArray();
    }

    private int id(int codePoint) {
        return codePoint < ids.length ? ids[codePoint] : -1;
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
        return OptionalInt.empty();
    }
}
