package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.Rwkv;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** The model in {@code /actuator/health}, where an application has it. */
@AutoConfiguration(after = RwkvAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(Rwkv.class)
@ConditionalOnEnabledHealthIndicator("rwkv")
public final class RwkvHealthAutoConfiguration {
    @Bean
    @ConditionalOnMissingBean
    RwkvHealthIndicator rwkvHealthIndicator(Rwkv rwkv, ObjectProvider<ModelSource> source) {
        return new RwkvHealthIndicator(rwkv, source.stream().anyMatch(ModelSource::demo));
    }
}
