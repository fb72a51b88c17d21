package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WorldVocabularyReaderTest {
    /** Lines 1 to 256. */
    private static final String SINGLE_BYTES = IntStream.range(0, 256)
            .mapToObj(b -> "%d b'\\x%02x' 1\n".formatted(b + 1, b))
            .collect(Collectors.joining());

    @TempDir
    Path folder;

    private Path file(String lines) throws IOException {
        return Files.writeString(folder.resolve("vocab.txt"), lines);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    'two words' 9          | two words
                    "it's" 4               | it's
                    '\\\\ \\' \\" \\n\\r\\t' 9 | \\ ' " NRT
                    '\\x80' 2              | \u0080
                    '\\u4f60\\U0001f600é' 9 | 你😀é
                    b'\\xe4\\xbd' 2        | \ufffd
                    b"a'b" 3               | a'b
                    """)
    void readsPythonLiterals(String definition, String text) throws IOException {
        WorldTokenizer tokenizer = WorldTokenizer.read(file(SINGLE_BYTES + "257 " + definition));
        assertThat(tokenizer.decode(257)).isEqualTo(text.replace("NRT", "\n\r\t"));
    }

    @Test
    void readsLinesThatEndAsOnWindows() throws IOException {
        WorldTokenizer tokenizer = WorldTokenizer.read(file((SINGLE_BYTES + "257 'ab' 2\n").replace("\n", "\r\n")));
        assertThat(tokenizer.encode("ab")).containsExactly(257);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    257 'ab' 3            | found length "3", expected 2, the number of bytes of the token 'ab'
                    257 'ab' two          | found length "two", expected 2
                    257 'ab' 4294967298   | found length "4294967298", expected 2
                    257 '\\xe9' 1         | found length "1", expected 2
                    257 'a\\qb' 3         | found 'a\\qb', expected the escapes
                    257 'a\\x4' 2         | found 'a\\x4', expected the escapes
                    257 'a\\xgg' 2        | found 'a\\xgg', expected the escapes
                    257 b'\\u0041' 1      | found b'\\u0041', expected the escapes
                    257 '\\ud800' 3       | found '\\ud800', expected Unicode characters, not U+D800
                    257 '\\U00110000' 4   | found '\\U00110000', expected Unicode characters, not U+110000
                    257 '\\Uffffffff' 4   | found '\\Uffffffff', expected the escapes
                    257 b'é' 2            | found b'é', expected only ASCII and escapes
                    257 'ab 2             | found 'ab, expected '…'
                    257 ab' 2             | found ab', expected '…'
                    257 ' 1               | found ', expected '…'
                    257 b 1               | found b, expected '…'
                    257 'ab\\' 3          | found 'ab\\', expected a closing quote without a backslash
                    257 'a'b' 3           | found 'a'b', expected a backslash before the quote
                    257 '' 0              | found '', expected at least one byte
                    257  2                | found no literal, expected '…'
                    257 'ab'              | found "257 'ab'", expected ID LITERAL LENGTH
                    257                   | found "257", expected ID LITERAL LENGTH
                    ``                    | found "", expected ID LITERAL LENGTH
                    0 'ab' 2              | found id "0", expected a number from 1 to 1048560
                    -1 'ab' 2             | found id "-1", expected a number from 1 to 1048560
                    1048561 'ab' 2        | found id "1048561", expected a number from 1 to 1048560
                    x 'ab' 2              | found id "x", expected a number from 1 to 1048560
                    256 'ab' 2            | found id 256 again, defined on line 256, expected each id once
                    257 'A' 1             | the bytes 41 are those of line 66, expected each token once
                    """)
    void namesTheLineOfEachDefect(String line, String message) throws IOException {
        Path file = file(SINGLE_BYTES + line + "\n258 'xy' 2\n");
        assertThatThrownBy(() -> WorldTokenizer.read(file))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("line 257: ")
                .hasMessageContaining(message);
    }

    @Test
    void refusesBytesThatAreNotUtf8() throws IOException {
        Path file = Files.write(folder.resolve("vocab.txt"), "1 'é' 2\n2 'é' 2".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> WorldTokenizer.read(file))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("line 1: the line is not valid UTF-8");
    }

    @Test
    void refusesAVocabularyWithoutSomeSingleByte() throws IOException {
        Path file = file(SINGLE_BYTES.replace("66 b'\\x41' 1\n", ""));
        assertThatThrownBy(() -> WorldTokenizer.read(file))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining("no token stands for the single byte 0x41");
    }

    @Test
    void refusesAnEmptyFile() throws IOException {
        Path file = file("");
        assertThatThrownBy(() -> WorldTokenizer.read(file))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("vocab.txt is empty");
    }

    @Test
    void refusesAMissingFile() {
        assertThatThrownBy(() -> WorldTokenizer.read(folder.resolve("none.txt")))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("none.txt is not a file");
    }

    @Test
    void refusesAFileOfTheSizeOfAModelUnread() throws IOException {
        Path file = folder.resolve("huge.txt");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength((64L << 20) + 1);
        }
        assertThatThrownBy(() -> WorldTokenizer.read(file))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("has 67108865 bytes, expected at most 67108864");
    }
}
