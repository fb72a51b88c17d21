package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Reads a string or bytes literal as Python's {@code repr} writes it. In a text, {@code \xHH} is a code point and the
 * token its UTF-8; in {@code b'…'} it is the byte itself.
 */
final class PythonLiteral {
    private final String literal;
    private final boolean isBytes;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int at;

    private PythonLiteral(String literal) {
        this.literal = literal;
        this.isBytes = literal.startsWith("b");
    }

    /**
     * The bytes that {@code literal} stands for, at least one.
     *
     * @throws VocabularyException if it is not such a literal
     */
    static byte[] parse(String literal) {
        return new PythonLiteral(literal).parse();
    }

    private byte[] parse() {
        int open = isBytes ? 1 : 0;
        int close = literal.length() - 1;
        char quote = open < close ? literal.charAt(open) : 0;
        if ((quote != '\'' && quote != '"') || literal.charAt(close) != quote) {
            throw defect("'…', \"…\", b'…' or b\"…\"");
        }
        at = open + 1;
        while (at < close) {
            int codePoint = literal.codePointAt(at);
            at += Character.charCount(codePoint);
            if (codePoint == quote) {
                throw defect("a backslash before the quote inside");
            }
            write(codePoint == '\\' ? escape(close) : codePoint);
        }
        if (bytes.size() == 0) {
            throw defect("at least one byte");
        }
        return bytes.toByteArray();
    }

    private int escape(int close) {
        if (at == close) {
            throw defect("a closing quote without a backslash before it");
        }
        char kind = literal.charAt(at++);
        return switch (kind) {
            case '\\', '\'', '"' -> kind;
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'x' -> hex(2, close);
            case 'u' -> hex(isBytes ? 0 : 4, close);
            case 'U' -> hex(isBytes ? 0 : 8, close);
            default -> throw badEscape();
        };
    }

    private int hex(int digits, int close) {
        if (digits == 0 || at + digits > close) {
            throw badEscape();
        }
        int value = 0;
        for (int end = at + digits; at < end; at++) {
            int digit = Character.digit(literal.charAt(at), 16);
            // Eight digits overflow from 0x80000000 on; no code point comes near.
            if (digit < 0 || value > Character.MAX_CODE_POINT) {
                throw badEscape();
            }
            value = value << 4 | digit;
        }
        return value;
    }

    private void write(int codePoint) {
        if (isBytes) {
            if (codePoint > 0xFF || (codePoint > 0x7F && literal.charAt(at - 1) == codePoint)) {
                throw defect("only ASCII and escapes in a bytes literal");
            }
            bytes.write(codePoint);
        } else {
            if (!Character.isValidCodePoint(codePoint) || (codePoint >= 0xD800 && codePoint <= 0xDFFF)) {
                throw defect("Unicode characters, not U+%04X".formatted(codePoint));
            }
            bytes.writeBytes(Character.toString(codePoint).getBytes(StandardCharsets.UTF_8));
        }
    }

    private VocabularyException badEscape() {
        return defect("the escapes \\\\ \\' \\\" \\n \\r \\t \\xHH" + (isBytes ? "" : " \\uHHHH \\UHHHHHHHH"));
    }

    private VocabularyException defect(String expected) {
        return new VocabularyException("found %s, expected %s; the file is damaged or not a World vocabulary"
                .formatted(literal.isEmpty() ? "no literal" : literal, expected));
    }
}
