package io.github.rwkv4j.engine.state;

import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** States on the heap of this process, gone with it. */
public final class MemoryStateStore implements StateStore {
    private final StateIndex index;
    private final Map<StateEntry, byte[]> data = new HashMap<>();

    public MemoryStateStore(StateLimits limits) {
        this(limits, InstantSource.system());
    }

    /** @param clock by which states expire */
    public MemoryStateStore(StateLimits limits, InstantSource clock) {
        this.index = new StateIndex(limits, clock);
    }

    @Override
    public synchronized void save(StateEntry entry, byte[] bytes) {
        index.makeRoom(entry).forEach(data::remove);
        data.put(entry, bytes.clone());
        index.add(entry);
    }

    @Override
    public synchronized Optional<byte[]> find(String tenant, String id) {
        return index.use(tenant, id).map(data::get).map(byte[]::clone);
    }

    @Override
    public synchronized Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes) {
        return index.findByPrefix(tenant, prefixes);
    }

    @Override
    public synchronized List<StateEntry> list(String tenant) {
        return index.list(tenant);
    }

    @Override
    public synchronized boolean delete(String tenant, String id) {
        Optional<StateEntry> gone = index.remove(tenant, id);
        gone.ifPresent(data::remove);
        return gone.isPresent();
    }

    @Override
    public synchronized int deleteConversation(String tenant, String conversation) {
        List<StateEntry> gone = index.removeConversation(tenant, conversation);
        gone.forEach(data::remove);
        return gone.size();
    }

    @Override
    public synchronized Usage usage() {
        return index.usage();
    }

    @Override
    public synchronized void close() {
        data.clear();
    }
}
