package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.state.SnapshotStore;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** {@code /actuator/rwkvstates}, where an application has actuator and exposes it. */
@AutoConfiguration(after = {RwkvAutoConfiguration.class, RwkvStateAutoConfiguration.class})
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
@ConditionalOnBean({SnapshotStore.class, Rwkv.class})
public final class RwkvActuatorAutoConfiguration {
    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint
    RwkvStatesEndpoint rwkvStatesEndpoint(SnapshotStore store, Rwkv rwkv) {
        return new RwkvStatesEndpoint(store, rwkv.fingerprint());
    }
}
