package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.state.DiskStateStore;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateStore;
import io.github.rwkv4j.spring.state.JdbcStateSchema;
import io.github.rwkv4j.spring.state.JdbcStateStore;
import io.github.rwkv4j.spring.state.RedisStateStore;
import io.github.rwkv4j.spring.state.ResilientStateStore;
import java.time.InstantSource;
import javax.sql.DataSource;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.autoconfigure.condition.NoneNestedConditions;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Where the pasts of conversations are kept, so that a conversation continues without reading its history again. */
@AutoConfiguration(
        before = RwkvAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration",
            "org.springframework.boot.data.redis.autoconfigure.DataRedisAutoConfiguration"
        })
@EnableConfigurationProperties(RwkvStateProperties.class)
public final class RwkvStateAutoConfiguration {
    /** Unless {@code rwkv.state.store} is {@code none}. */
    static final class OnStates extends NoneNestedConditions {
        OnStates() {
            super(ConfigurationPhase.REGISTER_BEAN);
        }

        @ConditionalOnProperty(name = "rwkv.state.store", havingValue = "none")
        static final class None {}
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(name = "rwkv.state.store", havingValue = "jdbc")
    @ConditionalOnClass(JdbcClient.class)
    @ConditionalOnSingleCandidate(DataSource.class)
    @ConditionalOnMissingBean(StateStore.class)
    static final class JdbcConfiguration {
        @Bean
        StateStore rwkvStateStore(DataSource dataSource, RwkvStateProperties properties) {
            if (properties.jdbc().createSchema()) {
                JdbcStateSchema.create(dataSource);
            }
            return resilient(new JdbcStateStore(dataSource, properties.limits(), InstantSource.system()), properties);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnProperty(name = "rwkv.state.store", havingValue = "redis")
    @ConditionalOnClass(RedisConnectionFactory.class)
    @ConditionalOnSingleCandidate(RedisConnectionFactory.class)
    @ConditionalOnMissingBean(StateStore.class)
    static final class RedisConfiguration {
        @Bean
        StateStore rwkvStateStore(RedisConnectionFactory connections, RwkvStateProperties properties) {
            String name = properties.redis().name();
            return resilient(
                    new RedisStateStore(connections, name, properties.limits(), InstantSource.system()), properties);
        }
    }

    /** Reached with {@code jdbc} and {@code redis} only where the configurations above don't apply. */
    @Bean
    @ConditionalOnMissingBean
    @Conditional(OnStates.class)
    StateStore rwkvStateStore(RwkvStateProperties properties) {
        return switch (properties.store()) {
            case MEMORY -> new MemoryStateStore(properties.limits());
            case DISK -> new DiskStateStore(properties.path(), properties.limits());
            case JDBC ->
                throw new InvalidPropertyException(
                        "rwkv.state.store",
                        "jdbc",
                        "another where there is not one DataSource bean, and spring-jdbc on the class path: add"
                                + " spring-boot-starter-jdbc and a driver, and set spring.datasource.url");
            case REDIS ->
                throw new InvalidPropertyException(
                        "rwkv.state.store",
                        "redis",
                        "another where there is not one RedisConnectionFactory bean: add"
                                + " spring-boot-starter-data-redis, and set spring.data.redis.host");
            case NONE -> throw new IllegalStateException("The condition of this bean has failed");
        };
    }

    @Bean(destroyMethod = "") // the store is a bean of its own
    @ConditionalOnMissingBean
    @ConditionalOnBean(StateStore.class)
    @Conditional(OnStates.class)
    SnapshotStore rwkvSnapshotStore(StateStore store, RwkvStateProperties properties) {
        return new SnapshotStore(store, properties.options());
    }

    private static StateStore resilient(StateStore store, RwkvStateProperties properties) {
        return new ResilientStateStore(store, properties.timeout(), properties.retryAfter());
    }
}
