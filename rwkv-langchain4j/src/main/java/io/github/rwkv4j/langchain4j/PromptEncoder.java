package io.github.rwkv4j.langchain4j;

import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import java.util.stream.IntStream;

/**
 * From a prompt to token ids. The text is tokenised as a whole: a token may reach over the end of a message.
 *
 * @param endOfTextFirst whether the vocabulary's end of text, if it has one, comes first, as it does between the
 *     documents of the training data
 */
record PromptEncoder(Tokenizer tokenizer, boolean endOfTextFirst) {

    int[] encode(String prompt) {
        int[] tokens = tokenizer.encode(prompt);
        return endOfTextFirst
                ? IntStream.concat(tokenizer.endOfText().stream(), IntStream.of(tokens))
                        .toArray()
                : tokens;
    }
}
