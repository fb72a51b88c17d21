package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads the lines {@code ID LITERAL LENGTH} of a World vocabulary; each defect is named with its line. */
final class WorldVocabularyReader {
    private static final byte[] NONE = {};

    /** What errors call the vocabulary. */
    private final Path file;

    private byte[][] tokens = new byte[1 << 16][];
    /** The line that defined an id, 0 for none. */
    private int[] lines = new int[tokens.length];

    private int line;

    WorldVocabularyReader(Path file) {
        this.file = file;
        Arrays.fill(tokens, NONE);
    }

    /** Reads the content of the file. */
    WorldTokenizer read(byte[] bytes) {
        for (int start = 0; start < bytes.length; ) {
            int end = start;
            while (end < bytes.length && bytes[end] != '\n') {
                end++;
            }
            line++;
            readLine(text(bytes, start, end));
            start = end + 1;
        }
        return new WorldTokenizer(tokens, "Vocabulary " + file, id -> "line " + lines[id]);
    }

    private String text(byte[] bytes, int start, int end) {
        // A file that passed through Windows may end its lines in CR LF.
        int length = end > start && bytes[end - 1] == '\r' ? end - start - 1 : end - start;
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, start, length))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new VocabularyException(message("the line is not valid UTF-8 (" + e.getMessage() + ")", "UTF-8"), e);
        }
    }

    private void readLine(String text) {
        int first = text.indexOf(' ');
        int last = text.lastIndexOf(' ');
        if (first < 0 || first == last) {
            throw defect("\"" + text + "\"", "ID LITERAL LENGTH separated by single spaces");
        }
        int id = number(text.substring(0, first));
        if (id < 1 || id > VocabularyFile.MAX_ID) {
            throw defect("id \"" + text.substring(0, first) + "\"", "a number from 1 to " + VocabularyFile.MAX_ID);
        }
        byte[] token = token(text.substring(first + 1, last));
        if (number(text.substring(last + 1)) != token.length) {
            throw defect(
                    "length \"" + text.substring(last + 1) + "\"",
                    token.length + ", the number of bytes of the token " + text.substring(first + 1, last));
        }
        if (id >= tokens.length) {
            grow(id);
        }
        if (lines[id] != 0) {
            throw defect("id " + id + " again, defined on line " + lines[id], "each id once");
        }
        tokens[id] = token;
        lines[id] = line;
    }

    private byte[] token(String literal) {
        try {
            return PythonLiteral.parse(literal);
        } catch (VocabularyException e) {
            throw new VocabularyException("Vocabulary %s, line %d: %s".formatted(file, line, e.getMessage()), e);
        }
    }

    private void grow(int id) {
        int old = tokens.length;
        tokens = Arrays.copyOf(tokens, Math.max(id + 1, 2 * old));
        Arrays.fill(tokens, old, tokens.length, NONE);
        lines = Arrays.copyOf(lines, tokens.length);
    }

    /** A decimal number of up to nine digits, -1 for anything else. */
    private static int number(String text) {
        if (text.isEmpty() || text.length() > 9) {
            return -1;
        }
        int number = 0;
        for (int i = 0; i < text.length(); i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            number = 10 * number + digit;
        }
        return number;
    }

    private VocabularyException defect(String found, String expected) {
        return new VocabularyException(message("found " + found, expected));
    }

    private String message(String found, String expected) {
        return "Vocabulary %s, line %d: %s, expected %s; the file is damaged or not a World vocabulary"
                .formatted(file, line, found, expected);
    }
}
