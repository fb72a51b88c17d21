package io.github.rwkv4j.engine.tokenizer;

import java.util.Random;

/** Random texts for properties. */
final class TestTexts {
    private TestTexts() {}

    /** Up to {@code length} code points of one to four bytes in UTF-8, without surrogates, with some English between. */
    static String random(Random random, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(length + 1); i > 0; i--) {
            switch (random.nextInt(5)) {
                case 0 -> text.append((char) random.nextInt(0x80));
                case 1 -> text.appendCodePoint(0x80 + random.nextInt(0x780));
                case 2 -> text.appendCodePoint(0x800 + random.nextInt(0xD000));
                case 3 -> text.appendCodePoint(0x10000 + random.nextInt(0x100000));
                default -> text.append(" interesting applications");
            }
        }
        return text.toString();
    }
}
