/** What tests and benchmarks share: random-weight models, golden data, where things lie. */
@NullMarked
package io.github.rwkv4j.engine.testing;

import org.jspecify.annotations.NullMarked;
