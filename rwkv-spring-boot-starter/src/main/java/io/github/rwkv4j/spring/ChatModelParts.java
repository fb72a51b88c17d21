package io.github.rwkv4j.spring;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.langchain4j.ChatModelBuilder;
import io.github.rwkv4j.langchain4j.StateListener;
import io.github.rwkv4j.langchain4j.TenantResolver;
import java.time.Duration;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;

/** Beans of an application that a chat model takes where they are there. */
record ChatModelParts(
        ObjectProvider<ChatModelListener> listeners,
        ObjectProvider<SnapshotStore> states,
        ObjectProvider<TenantResolver> tenants,
        ObjectProvider<StateListener> stateListeners) {

    void addTo(ChatModelBuilder<?> model) {
        model.listeners(listeners.orderedStream().toList());
        states.ifAvailable(model::states);
        tenants.ifAvailable(model::tenant);
        model.stateListener(new All(stateListeners.orderedStream().toList()));
    }

    /** Several listeners as one. */
    private record All(List<StateListener> listeners) implements StateListener {
        @Override
        public void onHit(Source source, int tokens, Duration loading) {
            listeners.forEach(listener -> listener.onHit(source, tokens, loading));
        }

        @Override
        public void onMiss(MissReason reason) {
            listeners.forEach(listener -> listener.onMiss(reason));
        }

        @Override
        public void onSave(long bytes, Duration saving) {
            listeners.forEach(listener -> listener.onSave(bytes, saving));
        }

        @Override
        public void onSaveFailed(RuntimeException error) {
            listeners.forEach(listener -> listener.onSaveFailed(error));
        }
    }
}
