package io.github.rwkv4j.engine;

/** How the outputs of the last layer norm become one embedding, which is then scaled to length 1. */
public enum Pooling {
    /** Their mean over all tokens. */
    MEAN,
    /** The output at an end of text appended to the tokens, or at the last token where the vocabulary has none. */
    LAST
}
