package io.github.rwkv4j.spring.state;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.core.io.ClassPathResource;
import org.springframework.dao.DataAccessException;
import org.springframework.data.redis.connection.RedisConnectionFactory;
import org.springframework.data.redis.core.RedisTemplate;
import org.springframework.data.redis.core.script.DefaultRedisScript;
import org.springframework.data.redis.core.script.RedisScript;
import org.springframework.data.redis.serializer.RedisSerializer;

/**
 * States in Redis, through the client that the application has. Any number of replicas may share them: every change is
 * one script, which Redis runs to its end before anything else. What they keep, and under which keys, {@code states.lua}
 * beside this class says.
 *
 * <p>A state is as durable as the server's persistence is configured. The server must not evict keys by itself ({@code
 * maxmemory-policy noeviction}, or one of the {@code volatile} ones): what it drops would still be counted.
 */
public final class RedisStateStore implements StateStore {
    private static final RedisScript<Long> SAVE = script("save", Long.class);
    private static final RedisScript<byte[]> FIND = script("find", byte[].class);
    private static final RedisScript<List<byte[]>> FIND_BY_PREFIX = listScript("find-by-prefix");
    private static final RedisScript<List<byte[]>> IDS = listScript("ids");
    private static final RedisScript<List<List<byte[]>>> ENTRIES = listScript("entries");
    private static final RedisScript<Long> DELETE = script("delete", Long.class);
    private static final RedisScript<Long> DELETE_CONVERSATION = script("delete-conversation", Long.class);
    private static final RedisScript<List<byte[]>> USAGE = listScript("usage");
    private static final int KEYS_AT_ONCE = 500;

    private final RedisTemplate<byte[], byte[]> redis = new RedisTemplate<>();
    private final String base;
    private final StateLimits limits;
    private final InstantSource clock;

    /** @param name what all keys begin with, in braces; two stores of one server need two names */
    public RedisStateStore(RedisConnectionFactory connections, String name, StateLimits limits, InstantSource clock) {
        redis.setConnectionFactory(connections);
        redis.setDefaultSerializer(RedisSerializer.byteArray());
        redis.afterPropertiesSet();
        this.base = "{" + name + "}:";
        this.limits = limits;
        this.clock = clock;
    }

    @Override
    public void save(StateEntry entry, byte[] data) {
        limits.check(entry);
        Long saved = run(
                SAVE,
                encoded(entry.tenant()),
                utf8(entry.id()),
                encoded(entry.conversation()),
                utf8(entry.prefix()),
                utf8(entry.position()),
                utf8(entry.created()),
                utf8(entry.bytes()),
                utf8(entry.created().toEpochMilli()),
                data,
                utf8(limits.maxBytes()),
                utf8(limits.maxBytesPerConversation().orElse(0L)),
                expired());
        if (saved == null || saved == 0) {
            throw new StateStoreException("The state %s exists; states are written once".formatted(entry.id()));
        }
    }

    @Override
    public Optional<byte[]> find(String tenant, String id) {
        return Optional.ofNullable(run(FIND, encoded(tenant), utf8(id), expired()));
    }

    @Override
    public Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes) {
        for (int from = 0; from < prefixes.size(); from += KEYS_AT_ONCE) {
            List<String> some = prefixes.subList(from, Math.min(prefixes.size(), from + KEYS_AT_ONCE));
            Stream<byte[]> scope = Stream.of(encoded(tenant), expired());
            List<byte[]> entry = run(
                    FIND_BY_PREFIX,
                    Stream.concat(scope, some.stream().map(RedisStateStore::utf8))
                            .toArray(byte[][]::new));
            if (!entry.isEmpty()) {
                return Optional.of(entry(entry));
            }
        }
        return Optional.empty();
    }

    @Override
    public List<StateEntry> list(String tenant) {
        List<byte[]> ids = run(IDS, encoded(tenant), expired());
        List<StateEntry> entries = new ArrayList<>(ids.size());
        for (int from = 0; from < ids.size(); from += KEYS_AT_ONCE) {
            List<byte[]> some = ids.subList(from, Math.min(ids.size(), from + KEYS_AT_ONCE));
            run(
                            ENTRIES,
                            Stream.concat(Stream.of(encoded(tenant)), some.stream())
                                    .toArray(byte[][]::new))
                    .forEach(entry -> entries.add(entry(entry)));
        }
        entries.sort(Comparator.comparing(StateEntry::created).reversed());
        return entries;
    }

    @Override
    public boolean delete(String tenant, String id) {
        return run(DELETE, encoded(tenant), utf8(id)) > 0;
    }

    @Override
    public int deleteConversation(String tenant, String conversation) {
        return Math.toIntExact(run(DELETE_CONVERSATION, encoded(tenant), encoded(conversation)));
    }

    @Override
    public Usage usage() {
        List<byte[]> usage = run(USAGE, expired());
        return new Usage(number(usage.get(0)), number(usage.get(1)));
    }

    /** Does nothing: the connections are their owner's to close. */
    @Override
    public void close() {}

    private <T> T run(RedisScript<T> script, byte[]... arguments) {
        byte[] keysBegin = utf8(base);
        Object[] all = Stream.concat(Stream.of(keysBegin), Stream.of(arguments)).toArray();
        RedisSerializer<byte[]> bytes = RedisSerializer.byteArray();
        try {
            // The key only tells a cluster which node it is.
            return redis.execute(script, bytes, asResult(bytes), List.of(keysBegin), all);
        } catch (DataAccessException e) {
            String why = NestedExceptionUtils.getMostSpecificCause(e).getMessage();
            throw new StateStoreException("Redis can't be asked: " + why, e);
        }
    }

    @SuppressWarnings("unchecked") // the template deserialises the elements of lists, and leaves numbers as they are
    private static <T> RedisSerializer<T> asResult(RedisSerializer<byte[]> bytes) {
        return (RedisSerializer<T>) bytes;
    }

    private byte[] expired() {
        return utf8(limits.expiredUntil(clock.instant()).toEpochMilli());
    }

    private static StateEntry entry(List<byte[]> fields) {
        return new StateEntry(
                decoded(fields.get(0)),
                text(fields.get(1)),
                decoded(fields.get(2)),
                text(fields.get(3)),
                number(fields.get(4)),
                Instant.parse(text(fields.get(5))),
                number(fields.get(6)));
    }

    private static byte[] utf8(Object value) {
        return value.toString().getBytes(UTF_8);
    }

    private static String text(byte[] value) {
        return new String(value, UTF_8);
    }

    private static long number(byte[] value) {
        return Long.parseLong(text(value));
    }

    /** Without the separators of keys. */
    private static byte[] encoded(String name) {
        return utf8(URLEncoder.encode(name, UTF_8));
    }

    private static String decoded(byte[] name) {
        return URLDecoder.decode(text(name), UTF_8);
    }

    private static <T> RedisScript<T> script(String name, Class<T> result) {
        return new DefaultRedisScript<>(resource("states.lua") + resource(name + ".lua"), result);
    }

    @SuppressWarnings("unchecked")
    private static <T> RedisScript<T> listScript(String name) {
        return (RedisScript<T>) script(name, List.class);
    }

    private static String resource(String name) {
        try (InputStream in = new ClassPathResource(name, RedisStateStore.class).getInputStream()) {
            return new String(in.readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
