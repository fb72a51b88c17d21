package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.langchain4j.DocumentState;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;

/** Reads the system prompts of {@code rwkv.warm.prompts} before the first request. */
final class WarmPrompts implements SmartInitializingSingleton {
    private static final Logger log = LoggerFactory.getLogger(WarmPrompts.class);

    private final List<String> prompts;
    private final ObjectProvider<RwkvChatModel> model;

    WarmPrompts(List<String> prompts, ObjectProvider<RwkvChatModel> model, ObjectProvider<SnapshotStore> states) {
        if (!prompts.isEmpty() && states.getIfAvailable() == null) {
            throw new InvalidPropertyException(
                    "rwkv.warm.prompts", "set", "absent where nothing is kept (rwkv.state.store is none)");
        }
        this.prompts = prompts;
        this.model = model;
    }

    @Override
    public void afterSingletonsInstantiated() {
        if (!prompts.isEmpty()) {
            model.ifAvailable(chat -> prompts.forEach(prompt -> warm(chat, prompt)));
        }
    }

    private static void warm(RwkvChatModel chat, String prompt) {
        long start = System.nanoTime();
        try {
            DocumentState state = DocumentState.prepare(chat, SnapshotStore.PUBLIC, prompt);
            log.info(
                    "A system prompt of {} tokens {} ({} ms)",
                    state.tokens(),
                    state.wasKnown() ? "was known" : "is read",
                    (System.nanoTime() - start) / 1_000_000);
        } catch (RwkvException e) {
            log.warn("A system prompt could not be kept; it is read when it is needed: {}", e.getMessage());
        }
    }
}
