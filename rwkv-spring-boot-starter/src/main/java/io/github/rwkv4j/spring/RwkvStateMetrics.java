package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateStore;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.BaseUnits;
import java.util.function.ToDoubleFunction;

/** What states save and cost, as Micrometer counts it. */
final class RwkvStateMetrics {
    RwkvStateMetrics(MeterRegistry registry, StateStore store) {
        Gauge.builder("rwkv.state.held", store, held(StateStore.Usage::states))
                .description("States in the store")
                .register(registry);
        Gauge.builder("rwkv.state.held.bytes", store, held(StateStore.Usage::bytes))
                .description("Bytes of the states in the store")
                .baseUnit(BaseUnits.BYTES)
                .register(registry);
    }

    private static ToDoubleFunction<StateStore> held(ToDoubleFunction<StateStore.Usage> figure) {
        return store -> {
            try {
                return figure.applyAsDouble(store.usage());
            } catch (StateStoreException e) {
                return Double.NaN; // not known now
            }
        };
    }
}
