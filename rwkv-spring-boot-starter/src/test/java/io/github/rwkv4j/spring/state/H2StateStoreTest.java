package io.github.rwkv4j.spring.state;

import io.github.rwkv4j.engine.state.StateStore;
import java.time.InstantSource;
import java.util.UUID;
import javax.sql.DataSource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

class H2StateStoreTest extends SharedStoreContract {
    private final DataSource database =
            new DriverManagerDataSource("jdbc:h2:mem:%s;DB_CLOSE_DELAY=-1".formatted(UUID.randomUUID()));

    @Override
    StateStore replica(StateLimits limits) {
        JdbcStateSchema.create(database);
        return new JdbcStateStore(database, limits, InstantSource.system());
    }
}
