/** A benchmark that anyone can run on their own model and machine. */
@NullMarked
package io.github.rwkv4j.examples.bench;

import org.jspecify.annotations.NullMarked;
