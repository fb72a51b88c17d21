/**
 * RWKV models as LangChain4j models, each over one opened {@link io.github.rwkv4j.engine.Rwkv} that it never closes.
 *
 * <pre>{@code
 * try (Rwkv engine = Rwkv.open(Path.of("rwkv7-g1.safetensors"))) {
 *     ChatModel model = RwkvChatModel.builder().engine(engine).build();
 *     String answer = model.chat("Hello!");
 * }
 * }</pre>
 */
@NullMarked
package io.github.rwkv4j.langchain4j;

import org.jspecify.annotations.NullMarked;
