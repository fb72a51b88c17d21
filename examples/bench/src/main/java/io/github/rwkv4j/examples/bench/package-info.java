/** The command line: measures, describes, converts and talks to a model file. */
@NullMarked
package io.github.rwkv4j.examples.bench;

import org.jspecify.annotations.NullMarked;
