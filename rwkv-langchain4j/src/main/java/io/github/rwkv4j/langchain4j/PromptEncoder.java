package io.github.rwkv4j.langchain4j;

import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * From a prompt to token ids. Each part of it is tokenised by itself. (No token of the World vocabulary joins the blank
 * line that ends a turn with what follows it, so there this is the same as tokenising the whole.)
 *
 * @param endOfTextFirst whether the vocabulary's end of text, if it has one, comes first, as it does between the
 *     documents of the training data
 */
record PromptEncoder(Tokenizer tokenizer, boolean endOfTextFirst) {
    /**
     * A prompt's tokens.
     *
     * @param tokens what the model answers from
     * @param ends how many of {@code kept} lie before the end of the system turn, the first turn, the second, …
     * @param kept what later turns will see of it: no wish to think, no open tag
     * @param common how many tokens the two begin with alike, whole parts only
     */
    record Encoded(int[] tokens, int[] ends, int[] kept, int common) {}

    Encoded encode(Prompt prompt) {
        IntStream.Builder kept = IntStream.builder();
        int[] ends = new int[prompt.turns().size() + 1];
        int count = add(kept, encode(prompt.system()));
        ends[0] = count;
        for (int i = 0; i < prompt.turns().size(); i++) {
            count += add(kept, encode(prompt.turns().get(i)));
            ends[i + 1] = count;
        }
        if (prompt.question().isEmpty()) {
            int[] all = kept.build().toArray();
            return new Encoded(all, ends, all, all.length);
        }
        Prompt.Question question = prompt.question().get();
        count += add(kept, tokenizer.encode(question.label()));
        int[] keptTokens = kept.build().toArray();
        boolean asKept = question.lastTurn().equals(prompt.turns().getLast());
        int common = asKept ? count : ends[ends.length - 2];
        IntStream.Builder rest = IntStream.builder();
        if (!asKept) {
            add(rest, encode(question.lastTurn()));
            add(rest, tokenizer.encode(question.label()));
        }
        add(rest, tokenizer.encode(question.opening()));
        int[] tokens = IntStream.concat(Arrays.stream(keptTokens, 0, common), rest.build())
                .toArray();
        return new Encoded(tokens, ends, keptTokens, common);
    }

    private int[] encode(Prompt.Turn turn) {
        return IntStream.concat(IntStream.of(tokenizer.encode(turn.label())), IntStream.of(answer(turn)))
                .toArray();
    }

    /** What the model writes of an answer. */
    int[] answer(Prompt.Turn turn) {
        return tokenizer.encode(turn.rest());
    }

    /** What a text begins with, or all of it. */
    int[] encode(String text) {
        int[] tokens = tokenizer.encode(text);
        return endOfTextFirst
                ? IntStream.concat(tokenizer.endOfText().stream(), IntStream.of(tokens))
                        .toArray()
                : tokens;
    }

    private static int add(IntStream.Builder tokens, int[] more) {
        for (int token : more) {
            tokens.add(token);
        }
        return more.length;
    }
}
