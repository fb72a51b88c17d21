package io.github.rwkv4j.engine.sampling;

import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * What a {@link Sampler} has to know about the ids of a model: made once when the model is opened and shared by all
 * requests. Immutable.
 */
public final class SamplingVocabulary {
    /** The official pipeline lets tokens whose text is part of this repeat: numbers and tables consist of them. */
    private static final String REPEATABLE = " \t0123456789";

    private final int size;
    private final int[] banned;
    private final BitSet repeatable;

    /**
     * @param tokenizer the model's
     * @param size number of logits of the model, padding included
     */
    public SamplingVocabulary(Tokenizer tokenizer, int size) {
        this.size = size;
        int endOfText = tokenizer.endOfText().orElse(-1);
        this.banned = IntStream.range(0, size)
                .filter(id -> id >= tokenizer.size() || (tokenizer.bytes(id).length == 0 && id != endOfText))
                .toArray();
        this.repeatable = new BitSet(size);
        IntStream.range(0, size)
                .filter(id -> REPEATABLE.contains(tokenizer.decode(id)))
                .forEach(repeatable::set);
    }

    /** Number of logits of the model. */
    public int size() {
        return size;
    }

    /** Ids that no text can contain, such as padding: they are never drawn. */
    int[] banned() {
        return banned;
    }

    /** Whether drawing {@code id} leaves its count for the frequency penalty as it is. */
    boolean isRepeatable(int id) {
        return repeatable.get(id);
    }
}
