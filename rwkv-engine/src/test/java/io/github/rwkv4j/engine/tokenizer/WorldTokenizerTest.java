package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class WorldTokenizerTest {
    @Test
    void encodesEveryGoldenCaseAsTheOfficialTokenizer() throws IOException {
        WorldTokenizer tokenizer = WorldTokenizer.read(TestVocabularies.world());
        int cases = 0;
        try (InputStream golden =
                Objects.requireNonNull(WorldTokenizerTest.class.getResourceAsStream("/golden/world.jsonl"))) {
            for (String line : new String(golden.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                JsonNode json = JsonMapper.shared().readTree(line);
                int[] ids = JsonMapper.shared().treeToValue(json.get("ids"), int[].class);
                if (json.has("text")) {
                    String text = json.get("text").stringValue();
                    assertThat(tokenizer.encode(text)).as(text).containsExactly(ids);
                    assertThat(tokenizer.decode(ids)).isEqualTo(text);
                } else {
                    byte[] bytes = Base64.getDecoder().decode(json.get("base64").stringValue());
                    assertThat(tokenizer.encode(bytes)).as(line).containsExactly(ids);
                    assertThat(bytes(tokenizer, ids)).containsExactly(bytes);
                }
                cases++;
            }
        }
        assertThat(cases).isEqualTo(406);
    }

    @Test
    void readsTheWorldVocabulary() {
        WorldTokenizer tokenizer = WorldTokenizer.read(TestVocabularies.world());
        assertThat(tokenizer.size()).isEqualTo(65530);
        assertThat(tokenizer.encode("\n\n")).containsExactly(261);
        assertThat(tokenizer.encode(" ".repeat(128))).containsExactly(65529);
        assertThat(tokenizer.bytes(0)).isEmpty();
        assertThat(tokenizer.bytes(65530)).isEmpty();
        assertThat(tokenizer.bytes(-1)).isEmpty();
        assertThat(tokenizer.endOfText()).hasValue(0);
    }

    @Test
    void restoresAnyBytes() {
        WorldTokenizer tokenizer = WorldTokenizer.read(TestVocabularies.demo());
        Random random = new Random(7);
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
            assertThat(bytes(tokenizer, tokenizer.encode(bytes))).containsExactly(bytes);
        }
    }

    @Test
    void restoresAnyText() {
        WorldTokenizer tokenizer = WorldTokenizer.read(TestVocabularies.demo());
        assertThat(tokenizer.encode("\n\n")).containsExactly(257);
        for (int seed = 0; seed < 2000; seed++) {
            String text = TestTexts.random(new Random(seed), 60);
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        }
    }

    @Test
    void takesTheLongestTokenAtEachPlace() {
        WorldTokenizer tokenizer = new WorldTokenizer(
                TestVocabularies.withSingleBytes(Map.of(300, "ab", 301, "abcd", 302, "bcd", 303, "é", 304, "aé")));
        assertThat(tokenizer.encode("abcabcdaéé")).containsExactly(300, 'c' + 1, 301, 304, 303);
        assertThat(tokenizer.encode("")).isEmpty();
    }

    @Test
    void agreesWithANaiveLongestMatch() {
        WorldTokenizer tokenizer = WorldTokenizer.read(TestVocabularies.demo());
        for (int seed = 0; seed < 300; seed++) {
            byte[] bytes = TestTexts.random(new Random(seed), 40).getBytes(StandardCharsets.UTF_8);
            int at = 0;
            for (int id : tokenizer.encode(bytes)) {
                assertThat(id).isEqualTo(naiveLongestMatch(tokenizer, bytes, at));
                at += tokenizer.bytes(id).length;
            }
            assertThat(at).isEqualTo(bytes.length);
        }
    }

    private static int naiveLongestMatch(WorldTokenizer tokenizer, byte[] bytes, int at) {
        int best = 0;
        for (int id = 1; id < tokenizer.size(); id++) {
            byte[] token = tokenizer.bytes(id);
            if (token.length > tokenizer.bytes(best).length && startsWith(bytes, at, token)) {
                best = id;
            }
        }
        return best;
    }

    private static boolean startsWith(byte[] bytes, int at, byte[] token) {
        for (int i = 0; i < token.length; i++) {
            if (at + i >= bytes.length || bytes[at + i] != token[i]) {
                return false;
            }
        }
        return true;
    }

    @Test
    void needsNoTokensForBytesThatNeverOccurInUtf8() {
        byte[][] tokens = TestVocabularies.withSingleBytes(Map.of(300, "é"));
        for (int b : new int[] {0xC0, 0xC1, 0xF5, 0xFF}) {
            tokens[b + 1] = new byte[0];
        }
        WorldTokenizer tokenizer = new WorldTokenizer(tokens);
        assertThat(tokenizer.encode("aé\uffff")).containsExactly('a' + 1, 300, 0xEF + 1, 0xBF + 1, 0xBF + 1);
        assertThatThrownBy(() -> tokenizer.encode(new byte[] {'a', (byte) 0xFF}))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("No token of the vocabulary stands for the byte 0xff");
    }

    @Test
    void encodesHalfASurrogatePairAsAQuestionMark() {
        WorldTokenizer tokenizer = new WorldTokenizer(TestVocabularies.withSingleBytes(Map.of()));
        assertThat(tokenizer.decode(tokenizer.encode("a\ud83db"))).isEqualTo("a?b");
    }

    @Test
    void refusesAnInMemoryVocabularyWithDefects() {
        assertThatThrownBy(() -> new WorldTokenizer(new byte[0][]))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("no token stands for the single byte 0x00");
        assertThatThrownBy(() -> new WorldTokenizer(TestVocabularies.withSingleBytes(Map.of(300, "ab", 400, "ab"))))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("id 400: the bytes 6162 are those of id 300");
        assertThatThrownBy(() -> new WorldTokenizer(TestVocabularies.withSingleBytes(Map.of(0, "<s>"))))
                .isInstanceOf(VocabularyException.class)
                .hasMessageContaining("id 0 stands for the bytes 3c733e");
    }

    private static byte[] bytes(Tokenizer tokenizer, int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            bytes.writeBytes(tokenizer.bytes(id));
        }
        return bytes.toByteArray();
    }
}
