package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import java.nio.file.Path;
import java.time.Instant;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.data.redis.autoconfigure.DataRedisAutoConfiguration;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.jdbc.core.simple.JdbcClient;

class RwkvStateAutoConfigurationTest {
    private static final String ID = "0123456789abcdef0123456789abcdef";

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(RwkvStateAutoConfiguration.class))
            .withPropertyValues("spring.datasource.url=jdbc:h2:mem:" + UUID.randomUUID());

    @Test
    void keepsStatesInTheApplicationsDatabase() {
        application
                .withConfiguration(AutoConfigurations.of(DataSourceAutoConfiguration.class))
                .withPropertyValues("rwkv.state.store=jdbc")
                .run(context -> {
                    StateStore store = context.getBean(StateStore.class);
                    store.save(new StateEntry("t", ID, "c", ID + ID, 7, Instant.now(), 3), new byte[] {1, 2, 3});

                    assertThat(store.find("t", ID)).hasValue(new byte[] {1, 2, 3});
                    assertThat(JdbcClient.create(context.getBean(HikariDataSource.class))
                                    .sql("select bytes from rwkv_state")
                                    .query(Long.class)
                                    .list())
                            .containsExactly(3L);
                });
    }

    @Test
    void leavesTheDatabasesSchemaAloneIfToldSo() {
        application
                .withConfiguration(AutoConfigurations.of(DataSourceAutoConfiguration.class))
                .withPropertyValues("rwkv.state.store=jdbc", "rwkv.state.jdbc.create-schema=false")
                .run(context -> assertThat(JdbcClient.create(context.getBean(HikariDataSource.class))
                                .sql("select count(*) from information_schema.tables where table_name like 'RWKV%'")
                                .query(Long.class)
                                .single())
                        .isZero());
    }

    @Test
    void saysThatThereIsNoDatabase() {
        application
                .withPropertyValues("rwkv.state.store=jdbc")
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .isInstanceOf(InvalidPropertyException.class)
                        .hasMessageContaining("rwkv.state.store is jdbc")
                        .hasMessageContaining("spring-boot-starter-jdbc"));
    }

    @ParameterizedTest
    @CsvSource({"jdbc, org.springframework.jdbc", "redis, org.springframework.data.redis"})
    void saysThatALibraryIsMissing(String store, String library) {
        application
                .withConfiguration(
                        AutoConfigurations.of(DataSourceAutoConfiguration.class, DataRedisAutoConfiguration.class))
                .withClassLoader(new FilteredClassLoader(library))
                .withPropertyValues("rwkv.state.store=" + store)
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .isInstanceOf(InvalidPropertyException.class)
                        .hasMessageContaining("rwkv.state.store is " + store)
                        .hasMessageContaining("add spring-boot-starter-"));
    }

    @Test
    void keepsStatesInMemoryUnlessToldOtherwise() {
        application.run(context ->
                assertThat(context).hasSingleBean(MemoryStateStore.class).hasSingleBean(SnapshotStore.class));
    }

    @Test
    void keepsStatesOnDiskSealedWithAKey(@TempDir Path directory) {
        Snapshot snapshot = new Snapshot(ID + ID, 7, OptionalInt.empty(), ID + ID, new float[] {1, 2, 3}, new byte[0]);
        ApplicationContextRunner onDisk = application.withPropertyValues(
                "rwkv.state.store=disk",
                "rwkv.state.directory=" + directory,
                "rwkv.state.encoding=fp16",
                "rwkv.state.encryption-key=MDEyMzQ1Njc4OWFiY2RlZg==");
        CompletableFuture<String> id = new CompletableFuture<>();
        onDisk.run(context -> id.complete(
                context.getBean(SnapshotStore.class).save("t", "c", snapshot).id()));

        onDisk.run(context -> assertThat(context.getBean(SnapshotStore.class)
                        .find("t", id.join())
                        .map(Snapshot::state))
                .hasValue(new float[] {1, 2, 3}));
        onDisk.withPropertyValues("rwkv.state.encryption-key=")
                .run(context -> assertThat(context).hasFailed());
        onDisk.withPropertyValues("rwkv.state.encryption-key=YWJjZGVmMDEyMzQ1Njc4OQ==")
                .run(context -> assertThatThrownBy(
                                () -> context.getBean(SnapshotStore.class).find("t", id.join()))
                        .isInstanceOf(SnapshotException.class));
    }

    @Test
    void givesWayToAnApplicationsOwnStore() {
        StateStore own = new MemoryStateStore(StateLimits.ofBytes(1));
        application
                .withBean("own", StateStore.class, () -> own)
                .withPropertyValues("rwkv.state.store=jdbc")
                .run(context -> {
                    assertThat(context.getBean(StateStore.class)).isSameAs(own);
                    assertThat(context).hasSingleBean(SnapshotStore.class);
                });
    }

    @Test
    void keepsNothingIfToldSo() {
        application
                .withPropertyValues("rwkv.state.store=none")
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(StateStore.class));
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv.state.store=disk, rwkv.state.directory is null but must be a directory",
        "rwkv.state.directory=, rwkv.state.directory is",
        "rwkv.state.max-bytes=0B, rwkv.state.max-bytes is 0B but must be a size above 0",
        "rwkv.state.max-bytes-per-conversation=0B, rwkv.state.max-bytes-per-conversation is 0B but must be a size above",
        "rwkv.state.ttl=-1s, rwkv.state.ttl is PT-1S but must be a duration above 0",
        "rwkv.state.timeout=0s, rwkv.state.timeout is PT0S but must be a duration above 0",
        "rwkv.state.retry-after=0s, rwkv.state.retry-after is PT0S but must be a duration above 0",
        "rwkv.state.encryption-key=c2VjcmV0, rwkv.state.encryption-key is not shown here but must be an AES key",
        "rwkv.state.encryption-key=?, rwkv.state.encryption-key is not shown here but must be an AES key",
        "rwkv.state.redis.name={a}, rwkv.state.redis.name is {a} but must be a name without braces",
    })
    void refusesWrongValuesInWords(String property, String message) {
        application
                .withPropertyValues(property)
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .isInstanceOf(InvalidPropertyException.class)
                        .hasMessageContaining(message));
    }
}
