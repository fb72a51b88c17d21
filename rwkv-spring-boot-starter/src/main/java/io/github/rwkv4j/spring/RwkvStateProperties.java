package io.github.rwkv4j.spring;

import static io.github.rwkv4j.spring.RwkvProperties.check;

import io.github.rwkv4j.engine.state.SnapshotCodec.Encoding;
import io.github.rwkv4j.engine.state.SnapshotOptions;
import io.github.rwkv4j.engine.state.StateLimits;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * The properties {@code rwkv.state.*}: where the pasts of conversations are kept.
 *
 * @param store Where states are kept: memory, disk, jdbc, redis, or none to feed every request's whole history again.
 * @param directory Directory of the store disk.
 * @param maxBytes Most bytes of all states; the least recently used make room. Without it, 256MB in memory and 1GB in
 *     other stores.
 * @param maxBytesPerConversation Most bytes of the states of one conversation. Without it, only max-bytes counts.
 * @param ttl How long a state is kept. Without it, until it makes room for others.
 * @param encoding How numbers are stored: fp32 (exact) or fp16 (half the bytes, rounded).
 * @param encryptionKey AES key of 16, 24 or 32 bytes in Base64: states are stored encrypted. Without it, they are not.
 * @param rememberEvicted Whether a model remembers messages that a chat memory's window has evicted.
 * @param timeout How long a database or Redis may take for one call before a chat goes on without it.
 * @param retryAfter How long a database or Redis that failed is left alone.
 * @param jdbc The store jdbc.
 * @param redis The store redis.
 */
@ConfigurationProperties("rwkv.state")
record RwkvStateProperties(
        @DefaultValue("memory") Store store,
        @Nullable String directory,
        @Nullable DataSize maxBytes,
        @Nullable DataSize maxBytesPerConversation,
        @Nullable Duration ttl,
        @DefaultValue("fp32") Encoding encoding,
        @Nullable String encryptionKey,
        @DefaultValue("true") boolean rememberEvicted,
        @DefaultValue("5s") Duration timeout,
        @DefaultValue("10s") Duration retryAfter,
        @DefaultValue Jdbc jdbc,
        @DefaultValue Redis redis) {
    private static final Set<Integer> KEY_BYTES = Set.of(16, 24, 32);

    enum Store {
        MEMORY,
        DISK,
        JDBC,
        REDIS,
        NONE
    }

    /**
     * The store jdbc.
     *
     * @param createSchema Whether the tables are created at start where they are missing.
     */
    record Jdbc(@DefaultValue("true") boolean createSchema) {}

    /**
     * The store redis.
     *
     * @param name What all keys begin with, in braces; applications that share a server need different ones.
     */
    record Redis(@DefaultValue("rwkv") String name) {
        Redis {
            boolean tag = !name.isBlank() && name.chars().noneMatch(c -> c == '{' || c == '}');
            check("rwkv.state.redis.name", name, tag, "a name without braces");
        }
    }

    RwkvStateProperties {
        boolean named = directory != null && isPath(directory);
        check(
                "rwkv.state.directory",
                directory,
                named || (directory == null && store != Store.DISK),
                "a directory, where rwkv.state.store is disk");
        checkPositive("rwkv.state.max-bytes", maxBytes);
        checkPositive("rwkv.state.max-bytes-per-conversation", maxBytesPerConversation);
        checkPositive("rwkv.state.ttl", ttl);
        checkPositive("rwkv.state.timeout", timeout);
        checkPositive("rwkv.state.retry-after", retryAfter);
        check(
                "rwkv.state.encryption-key",
                "not shown here",
                encryptionKey == null || decoded(encryptionKey).isPresent(),
                "an AES key of 16, 24 or 32 bytes in Base64, such as openssl rand -base64 32 prints");
    }

    private static void checkPositive(String property, @Nullable DataSize size) {
        check(property, size, size == null || size.toBytes() > 0, "a size above 0, such as 1GB");
    }

    private static void checkPositive(String property, @Nullable Duration duration) {
        check(property, duration, duration == null || duration.isPositive(), "a duration above 0, such as 30s or 7d");
    }

    private static boolean isPath(String name) {
        try {
            return !Path.of(name).toString().isBlank();
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /** The directory of the store disk, which the constructor has seen to be there. */
    Path path() {
        return Path.of(Objects.requireNonNull(directory)).toAbsolutePath();
    }

    StateLimits limits() {
        DataSize unlessSaid = store == Store.MEMORY ? DataSize.ofMegabytes(256) : DataSize.ofGigabytes(1);
        return new StateLimits(
                Optional.ofNullable(maxBytes).orElse(unlessSaid).toBytes(),
                Optional.ofNullable(maxBytesPerConversation).map(DataSize::toBytes),
                Optional.ofNullable(ttl));
    }

    SnapshotOptions options() {
        Optional<SecretKey> key = Optional.ofNullable(encryptionKey)
                .flatMap(RwkvStateProperties::decoded)
                .map(bytes -> new SecretKeySpec(bytes, "AES"));
        return new SnapshotOptions(encoding, key);
    }

    private static Optional<byte[]> decoded(String key) {
        try {
            return Optional.of(Base64.getDecoder().decode(key.strip()))
                    .filter(bytes -> KEY_BYTES.contains(bytes.length));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Without the key. */
    @Override
    public String toString() {
        return "RwkvStateProperties[store=%s, encrypted=%s]".formatted(store, encryptionKey != null);
    }
}
