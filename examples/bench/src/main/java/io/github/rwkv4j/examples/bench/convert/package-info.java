/** Writes checkpoints in other types and containers. */
@NullMarked
package io.github.rwkv4j.examples.bench.convert;

import org.jspecify.annotations.NullMarked;
