package io.github.rwkv4j.engine;

/**
 * One conversation's past: a state of constant size. Feed it, generate from it, fork it. Used by one thread at a time;
 * a second call while a generation runs is refused.
 */
public interface Session extends AutoCloseable {
    /** Number of tokens in the past. */
    long position();

    /** Feeds {@code tokens} and returns the logits [vocabulary size] after the last of them. */
    float[] logits(int... tokens);

    /** Feeds {@code tokens} and returns the logits after each of them: [tokens][vocabulary size]. */
    float[][] logitsOfEach(int... tokens);

    /** Feeds the request's prompt and generates; the session then holds the prompt and what was generated. */
    Generation generate(GenerationRequest request, GenerationListener listener);

    /** As {@link #generate(GenerationRequest, GenerationListener)}, waiting for the end. */
    GenerationResult generate(GenerationRequest request);

    /** A new session with the same past. */
    Session fork();

    /** Frees the state; a running generation is cancelled first. Idempotent. */
    @Override
    void close();
}
