package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.annotation.DeleteOperation;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.annotation.Selector;

/**
 * {@code /actuator/rwkvstates}: what is kept of whom, and its deletion. It tells sizes, times and the names of
 * conversations, never a text or anything that a text could be guessed from.
 */
@Endpoint(id = "rwkvstates")
final class RwkvStatesEndpoint {
    private static final int LISTED = 100;

    private final StateStore store;
    private final String defaultTenant;

    RwkvStatesEndpoint(StateStore store, String defaultTenant) {
        this.store = store;
        this.defaultTenant = defaultTenant;
    }

    /**
     * @param states of all tenants
     * @param bytes of all tenants
     * @param tenant whose states are listed
     * @param total how many that tenant has
     * @param newest the newest of them
     */
    record States(long states, long bytes, String tenant, int total, List<State> newest) {}

    record State(String id, String conversation, long tokens, Instant created, long bytes) {
        static State of(StateEntry entry) {
            return new State(entry.id(), entry.conversation(), entry.position(), entry.created(), entry.bytes());
        }
    }

    record Deleted(int deleted) {}

    @ReadOperation
    States list(@Nullable String tenant, @Nullable Integer limit) {
        String whose = tenant == null ? defaultTenant : tenant;
        StateStore.Usage usage = store.usage();
        List<StateEntry> entries = store.list(whose);
        List<State> newest = entries.stream()
                .limit(limit == null ? LISTED : Math.max(0, limit))
                .map(State::of)
                .toList();
        return new States(usage.states(), usage.bytes(), whose, entries.size(), newest);
    }

    @ReadOperation
    @Nullable
    State inspect(@Selector String id, @Nullable String tenant) {
        return find(id, tenant).map(State::of).orElse(null);
    }

    private Optional<StateEntry> find(String id, @Nullable String tenant) {
        return store.list(tenant == null ? defaultTenant : tenant).stream()
                .filter(entry -> entry.id().equals(id))
                .findFirst();
    }

    @DeleteOperation
    Deleted deleteConversation(String conversation, @Nullable String tenant) {
        return new Deleted(store.deleteConversation(tenant == null ? defaultTenant : tenant, conversation));
    }

    @DeleteOperation
    @Nullable
    Deleted delete(@Selector String id, @Nullable String tenant) {
        return store.delete(tenant == null ? defaultTenant : tenant, id) ? new Deleted(1) : null;
    }
}
