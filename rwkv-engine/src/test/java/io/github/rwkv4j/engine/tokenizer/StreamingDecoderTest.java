package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StreamingDecoderTest {
    private static final Tokenizer BYTES = new ByteTokenizer();

    @Test
    void holdsACharacterBackUntilItIsWhole() {
        StreamingDecoder decoder = new StreamingDecoder(BYTES);
        assertThat(decoder.append('a')).isEqualTo("a");
        assertThat(decoder.append(0xF0)).isEmpty();
        assertThat(decoder.append(0x9F)).isEmpty();
        assertThat(decoder.append(0x98)).isEmpty();
        assertThat(decoder.append(0x80)).isEqualTo("😀");
        assertThat(decoder.finish()).isEmpty();
    }

    @Test
    void replacesBytesAsSoonAsTheyCannotBecomeValid() {
        StreamingDecoder decoder = new StreamingDecoder(BYTES);
        assertThat(decoder.append(0xFF)).isEqualTo("\ufffd");
        assertThat(decoder.append(0xE4)).isEmpty();
        assertThat(decoder.append('a')).isEqualTo("\ufffda");
    }

    @Test
    void replacesAnIncompleteCharacterAtTheEnd() {
        StreamingDecoder decoder = new StreamingDecoder(BYTES);
        assertThat(decoder.append(0xE4)).isEmpty();
        assertThat(decoder.append(0xBD)).isEmpty();
        assertThat(decoder.finish()).isEqualTo("\ufffd");
        assertThat(decoder.finish()).isEmpty();
    }

    @Test
    void takesLongTokensAfterShortOnes() {
        String text = "é".repeat(500);
        Tokenizer tokenizer = new WorldTokenizer(TestVocabularies.withSingleBytes(Map.of(300, text)));
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        assertThat(decoder.append(0xE4 + 1)).isEmpty();
        assertThat(decoder.append(300)).isEqualTo("\ufffd" + text);
    }

    @Test
    void givesTheSameTextAsDecodingAtOnceForAnyBytes() {
        for (int seed = 0; seed < 20_000; seed++) {
            Random random = new Random(seed);
            int[] ids = new int[random.nextInt(40)];
            for (int i = 0; i < ids.length; i++) {
                // Mostly from 0x80 on: lead and continuation bytes, overlong forms, surrogates and impossible bytes.
                ids[i] = random.nextInt(8) == 0 ? random.nextInt(128) : 128 + random.nextInt(128);
            }
            assertStreamsLikeDecode(BYTES, ids);
        }
    }

    @Test
    void givesTheSameTextAsDecodingAtOnceForDamagedText() {
        for (int seed = 0; seed < 5000; seed++) {
            Random random = new Random(seed);
            byte[] bytes = TestTexts.random(random, 20).getBytes(StandardCharsets.UTF_8);
            for (int damage = random.nextInt(3); damage > 0 && bytes.length > 0; damage--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = bytes[i] & 0xFF;
            }
            assertStreamsLikeDecode(BYTES, ids);
        }
    }

    @Test
    void givesTheSameTextAsDecodingAtOnceForAnyTokens() {
        Tokenizer demo = WorldTokenizer.read(TestVocabularies.demo());
        for (int seed = 0; seed < 2000; seed++) {
            assertStreamsLikeDecode(
                    demo, new Random(seed).ints(30, 0, demo.size()).toArray());
        }
    }

    private static void assertStreamsLikeDecode(Tokenizer tokenizer, int[] ids) {
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(decoder.append(id));
        }
        text.append(decoder.finish());
        assertThat(text.toString()).isEqualTo(tokenizer.decode(ids));
    }
}
