/** A chat page, and the endpoint of OpenAI's chat API that it speaks to. */
@NullMarked
package io.github.rwkv4j.examples.chat;

import org.jspecify.annotations.NullMarked;
