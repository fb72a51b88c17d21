/** RWKV models as LangChain4j models, each over one opened {@link io.github.rwkv4j.engine.Rwkv} that it never closes. */
@NullMarked
package io.github.rwkv4j.langchain4j;

import org.jspecify.annotations.NullMarked;
