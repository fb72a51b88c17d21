package io.github.rwkv4j.spring.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.UUID;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

class H2StateStoreTest extends SharedStoreContract {
    private final DataSource database =
            new DriverManagerDataSource("jdbc:h2:mem:%s;DB_CLOSE_DELAY=-1".formatted(UUID.randomUUID()));

    @Override
    StateStore replica(StateLimits limits, InstantSource clock) {
        JdbcStateSchema.create(database);
        return new JdbcStateStore(database, limits, clock);
    }

    @Test
    void savesWhateverBecomesOfItsCallersTransaction() {
        StateStore store = replica(UNLIMITED);
        byte[] data = bytes(10, 1);
        StateEntry entry = entry("", "c", data);
        JdbcClient callers = JdbcClient.create(database);
        callers.sql("create table orders (id int)").update();

        new TransactionTemplate(new JdbcTransactionManager(database)).executeWithoutResult(transaction -> {
            callers.sql("insert into orders values (1)").update();
            store.save(entry, data);
            assertThat(store.find("", entry.id())).hasValue(data);
            transaction.setRollbackOnly();
        });

        assertThat(store.find("", entry.id())).hasValue(data);
        assertThat(callers.sql("select count(*) from orders").query(Long.class).single())
                .isZero();
    }

    @Test
    void saysWhichDatabasesItKnows() throws SQLException {
        DataSource other = mock();
        Connection connection = mock();
        DatabaseMetaData metaData = mock();
        when(other.getConnection()).thenReturn(connection);
        when(connection.getMetaData()).thenReturn(metaData);
        when(metaData.getDatabaseProductName()).thenReturn("MySQL");

        assertThatThrownBy(() -> JdbcStateSchema.create(other))
                .isInstanceOf(StateStoreException.class)
                .hasMessage("States can be kept in H2 and PostgreSQL, but the data source is of MySQL");
    }

    @Test
    void saysThatItsTablesAreMissing() {
        StateStore store = new JdbcStateStore(database, UNLIMITED, InstantSource.system());

        assertThatThrownBy(() -> store.find("", "id"))
                .isInstanceOf(StateStoreException.class)
                .hasMessageContaining("The database can't find a state")
                .hasMessageContaining("RWKV_STATE");
    }

    @Test
    void keepsInAFileWhatAProcessSavedThatDied(@TempDir Path directory) throws Exception {
        String url = "jdbc:h2:file:" + directory.resolve("states");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Dying.class.getName(),
                        url)
                .inheritIO()
                .start();
        assertThat(process.waitFor()).isEqualTo(Dying.STATUS);

        StateStore store = new JdbcStateStore(new DriverManagerDataSource(url), UNLIMITED, InstantSource.system());
        assertThat(store.find("", store.list("").getFirst().id())).hasValue(bytes(100_000, 1));
    }

    /** Saves a state and dies. */
    static final class Dying {
        private static final int STATUS = 7;

        private Dying() {}

        static void main(String[] arguments) {
            DataSource file = new SingleConnectionDataSource(arguments[0], true);
            JdbcStateSchema.create(file);
            byte[] data = bytes(100_000, 1);
            new JdbcStateStore(file, UNLIMITED, InstantSource.system()).save(entry("", "c", data), data);
            Runtime.getRuntime().halt(STATUS);
        }
    }
}
