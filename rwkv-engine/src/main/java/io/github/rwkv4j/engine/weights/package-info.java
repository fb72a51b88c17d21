/** Tensors as they lie in a checkpoint: a name, an element type, a shape and the bytes. */
@NullMarked
package io.github.rwkv4j.engine.weights;

import org.jspecify.annotations.NullMarked;
