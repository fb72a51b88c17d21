package io.github.rwkv4j.spring.state;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;

class PostgresqlStateStoreIT extends RealServerContract {
    private static RealServer server;

    private final List<HikariDataSource> pools = new ArrayList<>();

    @BeforeAll
    static void start() {
        server = RealServer.postgresql();
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    @AfterEach
    void dropTables() {
        JdbcClient.create(pools.getFirst())
                .sql("drop table if exists rwkv_state, rwkv_state_usage")
                .update();
        pools.forEach(HikariDataSource::close);
    }

    private HikariDataSource pool() {
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl(server.jdbcUrl());
        pools.add(pool);
        return pool;
    }

    @Override
    RealServer server() {
        return server;
    }

    @Override
    StateStore replica(StateLimits limits, InstantSource clock) {
        HikariDataSource pool = pool();
        JdbcStateSchema.create(pool);
        return new JdbcStateStore(pool, limits, clock);
    }

    @Test
    void createsItsTablesWhenAllReplicasStartAtOnce() throws Exception {
        HikariDataSource pool = pool();
        CountDownLatch go = new CountDownLatch(1);
        List<Future<?>> starts = new ArrayList<>();
        try (ExecutorService replicas = Executors.newFixedThreadPool(8)) {
            for (int i = 0; i < 8; i++) {
                starts.add(replicas.submit(() -> {
                    go.await();
                    JdbcStateSchema.create(pool);
                    return null;
                }));
            }
            go.countDown();
        }

        for (Future<?> start : starts) {
            start.get();
        }
        assertThat(JdbcClient.create(pool)
                        .sql("select states from rwkv_state_usage")
                        .query(Long.class)
                        .list())
                .containsExactly(0L);
    }
}
