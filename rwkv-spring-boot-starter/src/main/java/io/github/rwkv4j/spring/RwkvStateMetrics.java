package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateStore;
import io.github.rwkv4j.langchain4j.StateListener;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.BaseUnits;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/** What states save and cost, as Micrometer counts it. Every meter is there from the start. */
final class RwkvStateMetrics implements StateListener {
    private final Map<Source, Counter> hits = new EnumMap<>(Source.class);
    private final Map<MissReason, Counter> misses = new EnumMap<>(MissReason.class);
    private final Counter tokensSaved;
    private final Timer load;
    private final Timer save;
    private final DistributionSummary saved;
    private final Counter failedSaves;

    RwkvStateMetrics(MeterRegistry registry, SnapshotStore store) {
        for (Source source : Source.values()) {
            hits.put(
                    source,
                    Counter.builder("rwkv.state.hits")
                            .tag("source", name(source))
                            .description("Requests that went on from a state")
                            .register(registry));
        }
        for (MissReason reason : MissReason.values()) {
            misses.put(
                    reason,
                    Counter.builder("rwkv.state.misses")
                            .tag("reason", name(reason))
                            .description("Handles of no use, and requests whose past was fed")
                            .register(registry));
        }
        tokensSaved = Counter.builder("rwkv.state.tokens.saved")
                .description("Prompt tokens that need not be fed")
                .baseUnit("tokens")
                .register(registry);
        load = Timer.builder("rwkv.state.load")
                .description("Finding, loading and restoring a state")
                .register(registry);
        save = Timer.builder("rwkv.state.save").description("Saving a state").register(registry);
        saved = DistributionSummary.builder("rwkv.state.saved")
                .description("Size of saved states")
                .baseUnit(BaseUnits.BYTES)
                .register(registry);
        failedSaves = Counter.builder("rwkv.state.save.failures")
                .description("States that could not be saved")
                .register(registry);
        Gauge.builder("rwkv.state.held", store, held(StateStore.Usage::states))
                .description("States in the store")
                .register(registry);
        Gauge.builder("rwkv.state.held.size", store, held(StateStore.Usage::bytes))
                .description("Size of the states in the store")
                .baseUnit(BaseUnits.BYTES)
                .register(registry);
    }

    @Override
    public void onHit(Source source, int tokens, Duration loading) {
        counter(hits, source).increment();
        tokensSaved.increment(tokens);
        load.record(loading);
    }

    @Override
    public void onMiss(MissReason reason) {
        counter(misses, reason).increment();
    }

    @Override
    public void onSave(long bytes, Duration saving) {
        saved.record(bytes);
        save.record(saving);
    }

    @Override
    public void onSaveFailed(RuntimeException error) {
        failedSaves.increment();
    }

    private static <K extends Enum<K>> Counter counter(Map<K, Counter> counters, K key) {
        return Objects.requireNonNull(counters.get(key));
    }

    private static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static ToDoubleFunction<SnapshotStore> held(ToDoubleFunction<StateStore.Usage> figure) {
        return store -> {
            try {
                return figure.applyAsDouble(store.usage());
            } catch (StateStoreException e) {
                return Double.NaN; // not known now
            }
        };
    }
}
