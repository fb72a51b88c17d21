package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.state.SnapshotStore;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Metrics of states, where an application has Micrometer. */
@AutoConfiguration(
        after = RwkvStateAutoConfiguration.class,
        afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnBean({MeterRegistry.class, SnapshotStore.class})
public final class RwkvMetricsAutoConfiguration {
    @Bean
    @ConditionalOnMissingBean
    RwkvStateMetrics rwkvStateMetrics(MeterRegistry registry, SnapshotStore store) {
        return new RwkvStateMetrics(registry, store);
    }
}
