package io.github.rwkv4j.spring.state;

import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import java.time.InstantSource;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

class RedisStateStoreIT extends RealServerContract {
    private static RealServer server;
    private static LettuceConnectionFactory connections;

    private final String name = "test " + UUID.randomUUID();

    @BeforeAll
    static void start() {
        server = RealServer.redis();
        connections = new LettuceConnectionFactory("localhost", server.port());
        connections.afterPropertiesSet();
        connections.start();
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            connections.destroy();
            server.close();
        }
    }

    @Override
    RealServer server() {
        return server;
    }

    @Override
    StateStore replica(StateLimits limits, InstantSource clock) {
        return new RedisStateStore(connections, name, limits, clock);
    }
}
