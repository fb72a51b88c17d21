/** The public API: an opened model ({@link io.github.rwkv4j.engine.Rwkv}), sessions, generation and embeddings. */
@NullMarked
package io.github.rwkv4j.engine;

import org.jspecify.annotations.NullMarked;
