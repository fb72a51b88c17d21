package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerForModelTest {
    @TempDir
    Path folder;

    private Tokenizer open(int vocabularySize) {
        return Tokenizer.forModel(folder.resolve("novel-v1.2.pth"), vocabularySize, Optional.empty(), Optional.empty());
    }

    /** A character table whose only character tells which file was read. */
    private void write(String name, char character) throws IOException {
        Files.writeString(folder.resolve(name), "{\"0\": \"" + character + "\"}");
    }

    @Test
    void prefersTheFileNamedAfterTheModelThenTheUsualNames() throws IOException {
        write("vocab.json", 'd');
        assertThat(open(1000).decode(0)).isEqualTo("d");
        write("rwkv_vocab_v20230424.txt", 'c');
        assertThat(open(1000).decode(0)).isEqualTo("c");
        write("vocab.txt", 'b');
        assertThat(open(1000).decode(0)).isEqualTo("b");
        write("novel-v1.2.vocab.txt", 'a');
        assertThat(open(1000).decode(0)).isEqualTo("a");
    }

    @Test
    void prefersTheFileThatIsNamed() throws IOException {
        write("vocab.txt", 'b');
        Tokenizer tokenizer = Tokenizer.forModel(
                folder.resolve("m.pth"), 1038, Optional.of(TestVocabularies.demo()), Optional.empty());
        assertThat(tokenizer).isInstanceOf(WorldTokenizer.class);
        assertThat(tokenizer.size()).isEqualTo(1038);
    }

    @Test
    void recognisesACharacterTableInUtf16() throws IOException {
        Files.writeString(folder.resolve("vocab.json"), "\ufeff {\"0\": \"x\"}", StandardCharsets.UTF_16LE);
        assertThat(open(1000).decode(0)).isEqualTo("x");
    }

    @Test
    void readsBytesWhereTheModelHas256TokensAndNoVocabulary() {
        Tokenizer tokenizer = open(256);
        assertThat(tokenizer).isInstanceOf(ByteTokenizer.class);
        assertThat(tokenizer.encode("aé")).containsExactly('a', 0xC3, 0xA9);
        assertThat(tokenizer.decode('a', 0xC3, 0xA9)).isEqualTo("aé");
        assertThat(tokenizer.bytes(255)).containsExactly((byte) 255);
        assertThat(tokenizer.bytes(256)).isEmpty();
        assertThat(tokenizer.size()).isEqualTo(256);
        assertThat(tokenizer.endOfText()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    65536 | put rwkv_vocab_v20230424.txt of the ChatRWKV project there, or name it (RwkvOptions.vocabulary, in Spring rwkv.vocabulary)
                    50277 | has 50277 token ids, those of the GPT-NeoX 20B tokenizer, but no vocabulary file lies beside it: put its tokenizer.json there
                    50304 | has 50304 token ids, those of the GPT-NeoX 20B tokenizer, but no vocabulary file lies beside it: put its tokenizer.json there
                    50432 | has 50432 token ids, those of the GPT-NeoX 20B tokenizer, but no vocabulary file lies beside it: put its tokenizer.json there
                    777   | put one of [novel-v1.2.vocab.txt, vocab.txt, rwkv_vocab_v20230424.txt, tokenizer.json, 20B_tokenizer.json, vocab.json] there
                    """)
    void saysWhichVocabularyIsMissing(int vocabularySize, String message) {
        assertThatThrownBy(() -> open(vocabularySize))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("novel-v1.2.pth")
                .hasMessageContaining(message);
    }

    @Test
    void prefersWhatTheModelCarriesToWhatLiesBesideIt() throws IOException {
        write("vocab.txt", 'b');
        byte[][] carried = TestVocabularies.withSingleBytes(Map.of(300, "ab"));
        Tokenizer tokenizer = Tokenizer.forModel(folder.resolve("m.gguf"), 301, Optional.empty(), Optional.of(carried));
        assertThat(tokenizer.encode("ab")).containsExactly(300);
        Optional<Path> named = Optional.of(folder.resolve("vocab.txt"));
        assertThat(Tokenizer.forModel(folder.resolve("m.gguf"), 301, named, Optional.of(carried)))
                .isInstanceOf(CharacterTokenizer.class);
        assertThatThrownBy(
                        () -> Tokenizer.forModel(folder.resolve("m.gguf"), 300, Optional.empty(), Optional.of(carried)))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("Vocabulary in " + folder.resolve("m.gguf") + " does not fit");
    }

    @Test
    void refusesANamedFileThatIsMissing() {
        Path none = folder.resolve("none.txt");
        assertThatThrownBy(() -> Tokenizer.forModel(folder.resolve("m.pth"), 256, Optional.of(none), Optional.empty()))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("none.txt is not a file");
    }

    @Test
    void refusesAVocabularyLargerThanTheModel() {
        assertThatThrownBy(() -> Tokenizer.forModel(
                        folder.resolve("m.pth"), 1037, Optional.of(TestVocabularies.demo()), Optional.empty()))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("does not fit")
                .hasMessageContaining("its largest id is 1037, but the model's ids end at 1036");
    }
}
