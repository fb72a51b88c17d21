@NullMarked
package io.github.rwkv4j.examples.chat;

import org.jspecify.annotations.NullMarked;
