/** The CPU as a {@link io.github.rwkv4j.engine.compute.Compute}: scalar and Vector API kernels behind one lookup. */
@NullMarked
package io.github.rwkv4j.engine.compute.cpu;

import org.jspecify.annotations.NullMarked;
