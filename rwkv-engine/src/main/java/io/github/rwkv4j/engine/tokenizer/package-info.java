/** Text to token ids and back: the World trie, character tables, single bytes. */
@NullMarked
package io.github.rwkv4j.engine.tokenizer;

import org.jspecify.annotations.NullMarked;
