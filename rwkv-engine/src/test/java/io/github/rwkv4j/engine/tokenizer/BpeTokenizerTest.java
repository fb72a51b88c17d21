package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.VocabularyException;
import io.github.rwkv4j.engine.testing.TestData;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BpeTokenizerTest {
    /** A byte-level BPE over six tokens. */
    private static final String SMALL = """
            {"version": "1.0", "truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
             "padding": null, "added_tokens": [
              {"id": 0, "content": "<|endoftext|>", "special": true, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false},
              {"id": 7, "content": "  ", "special": false, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": true}],
             "normalizer": {"type": "NFC"},
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
             "post_processor": null, "decoder": null,
             "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
              "end_of_word_suffix": null, "fuse_unk": false,
              "vocab": {"<|endoftext|>": 0, "a": 1, "\\u0120": 2, "b": 3, "ab": 4, "\\u00c3": 5, "\\u00a9": 6},
              "merges": ["a b"]}}""";

    @TempDir
    Path folder;

    /** All cases; the one with a special token in its text is encoded as text here, and as that id by the library. */
    @Test
    void encodesEveryGoldenCaseAsTheOriginalLibrary() throws IOException {
        BpeTokenizer tokenizer = BpeTokenizer.read(TestData.shared("data/20B_tokenizer.json"));
        int cases = 0;
        for (String line : Files.readAllLines(TestData.resource("golden/neox20b.jsonl"))) {
            JsonNode json = JsonMapper.shared().readTree(line);
            int[] ids = JsonMapper.shared().treeToValue(json.get("ids"), int[].class);
            String text = json.get("text").stringValue();
            if (text.equals("<|endoftext|>")) {
                assertThat(ids).containsExactly(tokenizer.endOfText().orElseThrow());
                assertThat(tokenizer.encode(text)).doesNotContain(ids);
            } else {
                assertThat(tokenizer.encode(text)).as(text).containsExactly(ids);
            }
            String decoded = json.has("decoded") ? json.get("decoded").stringValue() : text;
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(decoded);
            cases++;
        }
        assertThat(cases).isEqualTo(343);
    }

    @Test
    void readsTheNeoxVocabulary() {
        BpeTokenizer tokenizer = BpeTokenizer.read(TestData.shared("data/20B_tokenizer.json"));
        assertThat(tokenizer.size()).isEqualTo(50277);
        assertThat(tokenizer.endOfText()).hasValue(0);
        assertThat(tokenizer.bytes(0)).isEmpty();
        assertThat(tokenizer.bytes(1)).isEmpty();
        assertThat(tokenizer.decode(187)).isEqualTo("\n");
        assertThat(tokenizer.decode(50254)).isEqualTo(" ".repeat(24));
        assertThat(tokenizer.bytes(50277)).isEmpty();
        assertThat(tokenizer.bytes(-1)).isEmpty();
    }

    @Test
    void restoresAnyTextInNormalForm() {
        BpeTokenizer tokenizer = BpeTokenizer.read(TestData.shared("data/20B_tokenizer.json"));
        for (int seed = 0; seed < 1000; seed++) {
            String text = TestTexts.random(new Random(seed), 60);
            String normal = Normalizer.normalize(text, Normalizer.Form.NFC);
            int[] ids = tokenizer.encode(text);
            // The library knows its own version of Unicode; what it encodes is a fixed point of both.
            assertThat(tokenizer.encode(tokenizer.decode(ids))).containsExactly(ids);
            if (text.chars().allMatch(c -> c < 0x300)) {
                assertThat(tokenizer.decode(ids)).isEqualTo(normal);
            }
        }
    }

    @Test
    void streamingNeverSplitsACharacter() {
        BpeTokenizer tokenizer = BpeTokenizer.read(TestData.shared("data/20B_tokenizer.json"));
        String text = "naïve 𝄞 起業家 👩‍👩‍👧 é\n";
        int[] ids = tokenizer.encode(text);
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        StringBuilder whole = new StringBuilder();
        int heldBack = 0;
        for (int id : ids) {
            String piece = decoder.append(id);
            assertThat(piece).doesNotContain("\ufffd");
            heldBack += piece.isEmpty() ? 1 : 0;
            whole.append(piece);
        }
        assertThat(heldBack).isPositive();
        assertThat(whole + decoder.finish()).isEqualTo(text);
    }

    @Test
    void longTextsAreNotCut() {
        BpeTokenizer tokenizer = BpeTokenizer.read(write(SMALL));
        assertThat(tokenizer.encode("ab".repeat(10_000))).hasSize(10_000).containsOnly(4);
    }

    @Test
    void neverReadsASpecialTokenInText() {
        BpeTokenizer tokenizer = BpeTokenizer.read(write(SMALL));
        assertThat(tokenizer.endOfText()).hasValue(0);
        assertThat(tokenizer.encode("a<|endoftext|>b")).doesNotContain(0);
        assertThat(tokenizer.encode("ab  a é")).containsExactly(4, 7, 1, 2, 5, 6);
        assertThat(tokenizer.decode(4, 7, 1, 2, 5, 6, 0)).isEqualTo("ab  a é");
        assertThat(tokenizer.size()).isEqualTo(8);
        assertThat(tokenizer.encode("")).isEmpty();
    }

    /** Other files have special tokens after their vocabulary, and more tokens after those. */
    @Test
    void specialTokensOutsideTheVocabularyKeepTheirPlace() {
        String more = """
                {"id": 7, "content": "<|x|>", "special": true, "single_word": false, "lstrip": false,
                 "rstrip": false, "normalized": false}, {"id": 8,""";
        BpeTokenizer tokenizer = BpeTokenizer.read(write(SMALL.replace("{\"id\": 7,", more)));
        assertThat(tokenizer.encode("a  <|x|>b")).containsExactly(1, 8, 3);
        assertThat(tokenizer.bytes(7)).isEmpty();
        assertThat(tokenizer.size()).isEqualTo(9);
    }

    @Test
    void encodesHalfASurrogatePairAsAQuestionMark() {
        BpeTokenizer tokenizer = BpeTokenizer.read(TestData.shared("data/20B_tokenizer.json"));
        assertThat(tokenizer.decode(tokenizer.encode("a\ud83db\udc00"))).isEqualTo("a?b?");
        assertThat(tokenizer.decode(tokenizer.encode("\0x"))).isEqualTo("\0x");
    }

    @Test
    void manyThreadsMayEncode() {
        BpeTokenizer tokenizer = BpeTokenizer.read(write(SMALL));
        List<int[]> results = IntStream.range(0, 400)
                .parallel()
                .mapToObj(i -> tokenizer.encode("ab a".repeat(50)))
                .toList();
        int[] expected = tokenizer.encode("ab a".repeat(50));
        assertThat(expected.length).isGreaterThan(50);
        assertThat(results).allSatisfy(ids -> assertThat(ids).containsExactly(expected));
    }

    @Test
    void isRecognisedBesideTheModel() throws IOException {
        write(SMALL);
        Tokenizer tokenizer = Tokenizer.forModel(folder.resolve("m.pth"), 50277, Optional.empty(), Optional.empty());
        assertThat(tokenizer).isInstanceOf(BpeTokenizer.class);
        Files.writeString(folder.resolve("vocab.txt"), "{\"0\": \"x\"}");
        tokenizer = Tokenizer.forModel(folder.resolve("m.pth"), 50277, Optional.empty(), Optional.empty());
        assertThat(tokenizer).isInstanceOf(CharacterTokenizer.class);
    }

    @Test
    void saysWhichLibraryIsMissing() throws Exception {
        Path file = write(SMALL);
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.contains("djl")) {
                urls.add(Path.of(entry).toUri().toURL());
            }
        }
        try (URLClassLoader loader =
                new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Class<?> type = loader.loadClass(BpeTokenizer.class.getName());
            assertThatThrownBy(() -> type.getMethod("read", Path.class).invoke(null, file))
                    .cause()
                    .hasToString(
                            VocabularyException.class.getName() + ": Vocabulary " + file
                                    + " is a BPE, whose library is not on the class path: add the dependency ai.djl.huggingface:tokenizers");
        }
    }

    @Test
    void leavesSystemPropertiesAsTheyWere() {
        System.setProperty("OPT_OUT_TRACKING", "kept");
        try {
            BpeTokenizer.read(write(SMALL));
            assertThat(System.getProperty("OPT_OUT_TRACKING")).isEqualTo("kept");
            assertThat(System.getProperty("RUST_FLAVOR")).isNull();
        } finally {
            System.clearProperty("OPT_OUT_TRACKING");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    `"type": "BPE"`           | `"type": "Unigram"`                | not a byte-level BPE (model type Unigram
                    `"type": "ByteLevel"`     | `"type": "Whitespace"`             | pre-tokenizer Whitespace
                    `"fuse_unk": false`       | `"byte_fallback": true`            | not a byte-level BPE
                    `"a": 1,`                 | `"a": -1,`                         | has the token id -1
                    `"a": 1,`                 | `"a": 2000000,`                    | has the token id 2000000, expected a whole number from 0 to 1048560
                    `"a": 1,`                 | `"a": 1.5,`                        | has the token id 1.5
                    `"a": 1,`                 | `"a": 3,`                          | is the second of its id
                    `"a": 1,`                 | `"中": 1,`                          | token "中" of id 1 holds characters outside the byte-level alphabet
                    `{"id": 7,`               | `{"id": 9,`                        | the added token "  " has the id 9, but the library numbers it 7
                    `"merges": ["a b"]`       | `"merges": ["a x"]`                | can't be used
                    `"merges": ["a b"]`       | `"merges": [7]`                    | can't be used
                    `"version": "1.0"`        | `"version": "1.0`                  | is not valid JSON
                    """)
    void refusesOtherFiles(String part, String instead, String message) {
        assertThat(SMALL).contains(part);
        assertThatThrownBy(() -> BpeTokenizer.read(write(SMALL.replace(part, instead))))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining(message);
    }

    @Test
    void refusesAFileThatIsMissing() {
        assertThatThrownBy(() -> BpeTokenizer.read(folder.resolve("none.json")))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("none.json is not a file");
    }

    private Path write(String json) {
        try {
            return Files.writeString(folder.resolve("tokenizer.json"), json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
