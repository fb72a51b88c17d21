package io.github.rwkv4j.spring.state;

import io.github.rwkv4j.engine.errors.StateStoreException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.jdbc.datasource.init.ScriptException;
import org.springframework.jdbc.datasource.init.ScriptUtils;

/**
 * The tables of {@link JdbcStateStore}. Their scripts, {@code schema-h2.sql} and {@code schema-postgresql.sql} beside this
 * class, are also for those who create tables by other means; running one again changes nothing.
 */
public final class JdbcStateSchema {
    private static final long POSTGRESQL_LOCK = 0x72776b76_73746174L; // any number that nobody else uses

    private JdbcStateSchema() {}

    /**
     * Creates what is missing; any number of replicas may do so at once.
     *
     * @throws StateStoreException if the database is another, can't be reached, or doesn't let its user create tables
     */
    public static void create(DataSource dataSource) {
        try (Connection connection = dataSource.getConnection()) {
            boolean autoCommit = connection.getAutoCommit();
            connection.setAutoCommit(false);
            try {
                run(connection);
                connection.commit();
            } catch (SQLException | RuntimeException e) {
                connection.rollback();
                throw e;
            } finally {
                connection.setAutoCommit(autoCommit);
            }
        } catch (SQLException | ScriptException e) {
            throw new StateStoreException("The tables of states can't be created: " + e.getMessage(), e);
        }
    }

    private static void run(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName();
        switch (product) {
            case "PostgreSQL" -> {
                try (Statement statement = connection.createStatement()) {
                    // "if not exists" alone is not safe against another session that creates the same.
                    statement.execute("select pg_advisory_xact_lock(" + POSTGRESQL_LOCK + ")");
                }
                ScriptUtils.executeSqlScript(connection, script("schema-postgresql.sql"));
            }
            case "H2" -> ScriptUtils.executeSqlScript(connection, script("schema-h2.sql"));
            default ->
                throw new StateStoreException(
                        "States can be kept in H2 and PostgreSQL, but the data source is of " + product);
        }
    }

    private static Resource script(String name) {
        return new ClassPathResource(name, JdbcStateSchema.class);
    }
}
