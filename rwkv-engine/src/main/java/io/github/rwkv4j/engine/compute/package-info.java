/** What a model asks of a device: matrices, buffers, states and the operations on them. */
@NullMarked
package io.github.rwkv4j.engine.compute;

import org.jspecify.annotations.NullMarked;
