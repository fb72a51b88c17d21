package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CharacterTokenizerTest {
    private static final String TABLE = """
            {"0": "\\n", "1": " ", "2": "a", "4": "中", "5": "😀", "6": "\ue083"}""";

    @TempDir
    Path folder;

    private CharacterTokenizer read(String json, Charset charset) throws IOException {
        return CharacterTokenizer.read(Files.writeString(folder.resolve("vocab.json"), json, charset));
    }

    @Test
    void readsTablesInUtf8AndUtf16() throws IOException {
        List<CharacterTokenizer> tokenizers = List.of(
                read(TABLE, StandardCharsets.UTF_8),
                read("\ufeff" + TABLE, StandardCharsets.UTF_8),
                read("\ufeff" + TABLE, StandardCharsets.UTF_16LE),
                read("\ufeff" + TABLE, StandardCharsets.UTF_16BE));
        for (CharacterTokenizer tokenizer : tokenizers) {
            assertThat(tokenizer.encode("a 中😀\n")).containsExactly(2, 1, 4, 5, 0);
            assertThat(tokenizer.decode(2, 1, 4, 5, 0)).isEqualTo("a 中😀\n");
            assertThat(tokenizer.size()).isEqualTo(7);
            assertThat(tokenizer.bytes(3)).isEmpty();
            assertThat(tokenizer.bytes(7)).isEmpty();
            assertThat(tokenizer.endOfText()).isEmpty();
        }
    }

    @Test
    void encodesUnknownCharactersAsTheAgreedOneElseAsSpacesElseNotAtAll() throws IOException {
        assertThat(read(TABLE, StandardCharsets.UTF_8).encode("aX\ud83d")).containsExactly(2, 6, 6);
        assertThat(read("{\"3\": \" \", \"4\": \"a\"}", StandardCharsets.UTF_8).encode("aXa"))
                .containsExactly(4, 3, 4);
        assertThat(read("{\"4\": \"a\"}", StandardCharsets.UTF_8).encode("aXa")).containsExactly(4, 4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {"0": "a"                    | is not valid JSON
                    {"0": "a"} {                 | is not valid JSON
                    {"0": "a", "0": "b"}         | is not valid JSON
                    ["a"]                        | holds no JSON object with entries
                    {}                           | holds no JSON object with entries
                    {"version": "1.0"}           | "version" is not a token id, expected a whole number from 0 to 1048560
                    {"1048561": "a"}             | "1048561" is not a token id
                    {"01": "a"}                  | "01" is not a token id
                    {"0": "ab"}                  | id 0 stands for "ab", expected one character
                    {"0": ""}                    | id 0 stands for "", expected one character
                    {"0": 7}                     | id 0 stands for 7, expected one character
                    {"0": "\\ud83d"}             | expected one character
                    {"0": "a", "1": "a"}         | ids 0 and 1 both stand for U+0061, expected each character once
                    """)
    void refusesOtherFiles(String json, String message) {
        assertThatThrownBy(() -> read(json, StandardCharsets.UTF_8))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("vocab.json")
                .hasMessageContaining(message);
    }
}
