package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.Session;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateStore;
import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import tools.jackson.databind.json.JsonMapper;

class RwkvStatesEndpointTest {
    private static final String OLD = "0".repeat(32);
    private static final String NEW = "1".repeat(32);
    private static final String PREFIX = "abc123".repeat(10) + "abcd";

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    DataSourceAutoConfiguration.class,
                    RwkvStateAutoConfiguration.class,
                    RwkvAutoConfiguration.class,
                    EndpointAutoConfiguration.class,
                    RwkvActuatorAutoConfiguration.class))
            .withPropertyValues("spring.datasource.url=jdbc:h2:mem:" + UUID.randomUUID(), "rwkv.state.store=jdbc");

    private final ApplicationContextRunner exposed =
            application.withPropertyValues("management.endpoints.web.exposure.include=rwkvstates");

    @Test
    void isThereOnlyWhereExposed() {
        application.run(context -> assertThat(context).doesNotHaveBean(RwkvStatesEndpoint.class));
        exposed.run(context -> assertThat(context).hasSingleBean(RwkvStatesEndpoint.class));
        exposed.withPropertyValues("rwkv.state.store=none")
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(RwkvStatesEndpoint.class));
    }

    @Test
    void isNotMissedWithoutActuator() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        DataSourceAutoConfiguration.class,
                        RwkvStateAutoConfiguration.class,
                        RwkvAutoConfiguration.class,
                        RwkvActuatorAutoConfiguration.class))
                .withPropertyValues("spring.datasource.url=jdbc:h2:mem:" + UUID.randomUUID(), "rwkv.state.store=jdbc")
                .withClassLoader(new FilteredClassLoader("org.springframework.boot.actuate"))
                .run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void listsTheNewestOfATenantAndTellsNothingOfTheText() {
        exposed.run(context -> {
            fill(context.getBean(StateStore.class));
            RwkvStatesEndpoint endpoint = context.getBean(RwkvStatesEndpoint.class);

            RwkvStatesEndpoint.States states = endpoint.list("t", 1);
            assertThat(states.states()).isEqualTo(3);
            assertThat(states.bytes()).isEqualTo(9);
            assertThat(states.total()).isEqualTo(2);
            assertThat(states.newest()).singleElement().satisfies(state -> {
                assertThat(state.id()).isEqualTo(NEW);
                assertThat(state.conversation()).isEqualTo("ada");
                assertThat(state.tokens()).isEqualTo(7);
                assertThat(state.bytes()).isEqualTo(3);
            });
            assertThat(JsonMapper.shared().writeValueAsString(states)).doesNotContain(PREFIX);
        });
    }

    @Test
    void inspectsAndDeletes() {
        exposed.run(context -> {
            StateStore store = context.getBean(StateStore.class);
            fill(store);
            RwkvStatesEndpoint endpoint = context.getBean(RwkvStatesEndpoint.class);

            assertThat(endpoint.inspect(OLD, "t"))
                    .extracting(RwkvStatesEndpoint.Inspected::usable)
                    .asString()
                    .startsWith("no: ");
            assertThat(endpoint.inspect(OLD, "another")).isNull();
            assertThat(endpoint.delete(OLD, "another")).isNull();
            assertThat(endpoint.delete(OLD, "t")).isEqualTo(new RwkvStatesEndpoint.Deleted(1));
            assertThat(endpoint.inspect(OLD, "t")).isNull();
            assertThat(endpoint.deleteConversation("ada", "another")).isEqualTo(new RwkvStatesEndpoint.Deleted(0));
            assertThat(endpoint.deleteConversation("ada", "t")).isEqualTo(new RwkvStatesEndpoint.Deleted(1));
            assertThat(store.usage().states()).isEqualTo(1);
        });
    }

    @Test
    void tellsWhetherTheOpenModelCanGoOn() {
        exposed.run(context -> {
            SnapshotStore store = context.getBean(SnapshotStore.class);
            RwkvStatesEndpoint endpoint = context.getBean(RwkvStatesEndpoint.class);
            try (Session session = context.getBean(Rwkv.class).newSession()) {
                session.feed(1, 2, 3);
                Snapshot ours = session.snapshot();
                Snapshot others =
                        new Snapshot("f".repeat(64), 3, ours.unfed(), ours.history(), ours.state(), ours.note());
                String good = store.save("t", "c", ours).id();
                String bad = store.save("t", "c", others).id();

                assertThat(endpoint.inspect(good, "t"))
                        .extracting(RwkvStatesEndpoint.Inspected::usable)
                        .isEqualTo("yes");
                assertThat(endpoint.inspect(bad, "t"))
                        .extracting(RwkvStatesEndpoint.Inspected::usable)
                        .isEqualTo("no: it belongs to another model");
            }
        });
    }

    private static void fill(StateStore store) {
        Instant now = Instant.now();
        byte[] data = {1, 2, 3};
        store.save(new StateEntry("t", OLD, "ada", PREFIX, 5, now.minusSeconds(60), 3), data);
        store.save(new StateEntry("t", NEW, "ada", PREFIX, 7, now, 3), data);
        store.save(new StateEntry("other", OLD, "bob", PREFIX, 5, now, 3), data);
    }
}
