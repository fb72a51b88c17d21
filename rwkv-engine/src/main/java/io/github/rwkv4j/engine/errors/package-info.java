/** The one family of unchecked exceptions; each message says what was found, what was expected and what to do. */
@NullMarked
package io.github.rwkv4j.engine.errors;

import org.jspecify.annotations.NullMarked;
