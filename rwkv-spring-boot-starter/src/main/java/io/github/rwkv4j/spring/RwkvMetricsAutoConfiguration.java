package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.state.StateStore;
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
@ConditionalOnBean({MeterRegistry.class, StateStore.class})
public final class RwkvMetricsAutoConfiguration {
    @Bean
    @ConditionalOnMissingBean
    RwkvStateMetrics rwkvStateMetrics(MeterRegistry registry, StateStore store) {
        return new RwkvStateMetrics(registry, store);
    }
}
