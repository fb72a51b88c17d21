package io.github.rwkv4j.engine.state;

import java.time.InstantSource;

class MemoryStateStoreTest extends StateStoreContract {
    @Override
    protected StateStore open(StateLimits limits, InstantSource clock) {
        return new MemoryStateStore(limits, clock);
    }
}
