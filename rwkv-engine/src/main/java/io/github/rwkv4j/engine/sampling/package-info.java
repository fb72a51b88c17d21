/** From logits to the next token: temperature, top-p, top-k, penalties. */
@NullMarked
package io.github.rwkv4j.engine.sampling;

import org.jspecify.annotations.NullMarked;
