package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import io.github.rwkv4j.langchain4j.TenantResolver;
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

    private final SnapshotStore store;
    private final String model;

    /** @param model fingerprint of the open model */
    RwkvStatesEndpoint(SnapshotStore store, String model) {
        this.store = store;
        this.model = model;
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

    /** @param usable whether the open model can go on from it, and if not, why */
    record Inspected(State state, String usable) {}

    record Deleted(int deleted) {}

    @ReadOperation
    States list(@Nullable String tenant, @Nullable Integer limit) {
        String whose = orDefault(tenant);
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
    Inspected inspect(@Selector String id, @Nullable String tenant) {
        return store.list(orDefault(tenant)).stream()
                .filter(entry -> entry.id().equals(id))
                .findFirst()
                .map(entry -> new Inspected(State.of(entry), usable(entry)))
                .orElse(null);
    }

    private String usable(StateEntry entry) {
        try {
            Optional<Snapshot> snapshot = store.find(entry.tenant(), entry.id());
            return snapshot.map(found -> found.model().equals(model) ? "yes" : "no: it belongs to another model")
                    .orElse("no: it is gone");
        } catch (SnapshotException e) {
            return "no: " + e.getMessage();
        }
    }

    private static String orDefault(@Nullable String tenant) {
        return tenant == null ? TenantResolver.DEFAULT_TENANT : tenant;
    }

    @DeleteOperation
    Deleted deleteConversation(String conversation, @Nullable String tenant) {
        return new Deleted(store.deleteConversation(orDefault(tenant), conversation));
    }

    @DeleteOperation
    @Nullable
    Deleted delete(@Selector String id, @Nullable String tenant) {
        return store.delete(orDefault(tenant), id) ? new Deleted(1) : null;
    }
}
