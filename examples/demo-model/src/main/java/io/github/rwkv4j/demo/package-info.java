/** A very small RWKV-7 model that comes as a jar, so that everything can be tried offline. */
@NullMarked
package io.github.rwkv4j.demo;

import org.jspecify.annotations.NullMarked;
