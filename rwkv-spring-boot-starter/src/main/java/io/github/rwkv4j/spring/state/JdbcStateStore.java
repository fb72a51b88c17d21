package io.github.rwkv4j.spring.state;

import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DelegatingDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.TransactionException;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * States in H2 or PostgreSQL, in the tables of {@link JdbcStateSchema}. Any number of replicas may share them: whoever
 * adds or removes states first locks the one row of {@code rwkv_state_usage}, so that they keep one limit together.
 *
 * <p>Every method is a transaction of its own, whatever transaction its caller is in: a state is durable when {@link
 * #save} returns, even if the caller rolls back.
 */
public final class JdbcStateStore implements StateStore {
    private static final String ENTRY = "tenant, id, conversation, prefix, tokens, created, bytes";
    private static final String ONE_STATE = "tenant = :tenant and id = :id";
    private static final String ONE_CONVERSATION = "tenant = :tenant and conversation = :conversation";
    private static final String ALIVE = "created > :expired";
    private static final String EXPIRED = "created <= :expired";
    private static final int PREFIXES_AT_ONCE = 500;
    private static final int ROWS_AT_ONCE = 1000;

    private final JdbcClient database;
    private final TransactionTemplate transaction;
    private final StateLimits limits;
    private final InstantSource clock;
    private final AtomicReference<Instant> lastUse = new AtomicReference<>(Instant.EPOCH);

    public JdbcStateStore(DataSource dataSource, StateLimits limits, InstantSource clock) {
        // A transaction of the caller is bound to its data source object; through another one it has no part in ours.
        DataSource own = new DelegatingDataSource(dataSource);
        this.database = JdbcClient.create(own);
        this.transaction = new TransactionTemplate(new JdbcTransactionManager(own));
        transaction.setIsolationLevel(TransactionDefinition.ISOLATION_READ_COMMITTED);
        this.limits = limits;
        this.clock = clock;
    }

    @Override
    public void save(StateEntry entry, byte[] data) {
        limits.check(entry);
        transactionally("save a state", () -> {
            insert(entry, data);
            lock();
            changeUsage(new Usage(1, entry.bytes()));
            remove(EXPIRED, Map.of("expired", expired()));
            limits.maxBytesPerConversation()
                    .ifPresent(most -> makeRoom(entry, bytesOfConversation(entry) - most, ONE_CONVERSATION));
            makeRoom(entry, held().bytes() - limits.maxBytes(), "true");
            return true;
        });
    }

    private void insert(StateEntry entry, byte[] data) {
        try {
            database.sql("insert into rwkv_state (" + ENTRY + ", used, data) values"
                            + " (:tenant, :id, :conversation, :prefix, :tokens, :created, :bytes, :used, :data)")
                    .param("tenant", entry.tenant())
                    .param("id", entry.id())
                    .param("conversation", entry.conversation())
                    .param("prefix", entry.prefix())
                    .param("tokens", entry.position())
                    .param("created", timestamp(entry.created()))
                    .param("bytes", entry.bytes())
                    .param("used", nextUse())
                    .param("data", data)
                    .update();
        } catch (DuplicateKeyException e) {
            throw new StateStoreException("The state %s exists; states are written once".formatted(entry.id()), e);
        }
    }

    @Override
    public Optional<byte[]> find(String tenant, String id) {
        Map<String, String> state = Map.of("tenant", tenant, "id", id);
        return transactionally("find a state", () -> {
            Optional<byte[]> data = database.sql("select data from rwkv_state where " + ONE_STATE + " and " + ALIVE)
                    .params(state)
                    .param("expired", expired())
                    .query((row, _) -> row.getBytes(1))
                    .optional();
            if (data.isPresent()) {
                database.sql("update rwkv_state set used = :used where " + ONE_STATE)
                        .params(state)
                        .param("used", nextUse())
                        .update();
            }
            return data;
        });
    }

    @Override
    public Optional<StateEntry> findByPrefix(String tenant, List<String> prefixes) {
        return transactionally("find a prefix", () -> {
            for (int from = 0; from < prefixes.size(); from += PREFIXES_AT_ONCE) {
                List<String> some = prefixes.subList(from, Math.min(prefixes.size(), from + PREFIXES_AT_ONCE));
                Optional<StateEntry> first = database
                        .sql("select " + ENTRY
                                + " from rwkv_state where tenant = :tenant and prefix in (:prefixes) and " + ALIVE
                                + " order by used desc")
                        .param("tenant", tenant)
                        .param("prefixes", some)
                        .param("expired", expired())
                        .query(JdbcStateStore::entry)
                        .list()
                        .stream()
                        .min(Comparator.comparingInt(entry -> some.indexOf(entry.prefix())));
                if (first.isPresent()) {
                    return first;
                }
            }
            return Optional.empty();
        });
    }

    @Override
    public List<StateEntry> list(String tenant) {
        return transactionally(
                "list states",
                () -> database.sql("select " + ENTRY + " from rwkv_state" + " where tenant = :tenant and " + ALIVE
                                + " order by created desc, used desc")
                        .param("tenant", tenant)
                        .param("expired", expired())
                        .query(JdbcStateStore::entry)
                        .list());
    }

    @Override
    public boolean delete(String tenant, String id) {
        return transactionally("delete a state", () -> {
            lock();
            return remove(ONE_STATE, Map.of("tenant", tenant, "id", id)).states() > 0;
        });
    }

    @Override
    public int deleteConversation(String tenant, String conversation) {
        return transactionally("delete a conversation", () -> {
            lock();
            Usage removed = remove(ONE_CONVERSATION, Map.of("tenant", tenant, "conversation", conversation));
            return Math.toIntExact(removed.states());
        });
    }

    @Override
    public Usage usage() {
        return transactionally("tell its usage", () -> {
            lock();
            remove(EXPIRED, Map.of("expired", expired()));
            return held();
        });
    }

    /** Does nothing: the data source is its owner's to close. */
    @Override
    public void close() {}

    /** Until the end of the transaction, no other adds or removes states. */
    private void lock() {
        List<Usage> row = database.sql("select states, bytes from rwkv_state_usage for update")
                .query(JdbcStateStore::counts)
                .list();
        if (row.size() != 1) {
            throw new StateStoreException(("The table rwkv_state_usage has %d rows but must have one: delete all of"
                            + " rwkv_state, and run the script that creates the tables")
                    .formatted(row.size()));
        }
    }

    private Usage held() {
        return database.sql("select states, bytes from rwkv_state_usage")
                .query(JdbcStateStore::counts)
                .single();
    }

    private void changeUsage(Usage change) {
        database.sql("update rwkv_state_usage set states = states + :states, bytes = bytes + :bytes")
                .param("states", change.states())
                .param("bytes", change.bytes())
                .update();
    }

    private long bytesOfConversation(StateEntry entry) {
        return database.sql("select sum(bytes) from rwkv_state where " + ONE_CONVERSATION)
                .param("tenant", entry.tenant())
                .param("conversation", entry.conversation())
                .query(Long.class)
                .single();
    }

    /** Removes as many of the least recently used states of {@code scope} as have {@code excess} bytes, never {@code kept}. */
    private void makeRoom(StateEntry kept, long excess, String scope) {
        String others = scope + " and not (" + ONE_STATE + ")";
        Map<String, String> parameters =
                Map.of("tenant", kept.tenant(), "id", kept.id(), "conversation", kept.conversation());
        while (excess > 0) {
            record Row(OffsetDateTime used, long bytes) {}
            List<Row> oldest = database.sql("select used, bytes from rwkv_state where " + others
                            + " order by used limit " + ROWS_AT_ONCE)
                    .params(parameters)
                    .query((row, _) -> new Row(row.getObject("used", OffsetDateTime.class), row.getLong("bytes")))
                    .list();
            if (oldest.isEmpty()) {
                return;
            }
            long bytes = 0;
            int rows = 0;
            while (rows < oldest.size() && bytes < excess) {
                bytes += oldest.get(rows++).bytes();
            }
            Map<String, Object> unused = new HashMap<>(parameters);
            unused.put("used", oldest.get(rows - 1).used());
            excess -= remove("used <= :used and " + others, unused).bytes();
        }
    }

    /** Removes all states of which {@code condition} is true; the caller holds the lock. Returns what they were. */
    private Usage remove(String condition, Map<String, ?> parameters) {
        // Their rows are locked as well, or one that is just used would be counted and not be removed.
        List<Long> bytes = database.sql("select bytes from rwkv_state where " + condition + " for update")
                .params(parameters)
                .query(Long.class)
                .list();
        Usage removed = new Usage(
                bytes.size(), bytes.stream().mapToLong(Long::longValue).sum());
        if (removed.states() > 0) {
            database.sql("delete from rwkv_state where " + condition)
                    .params(parameters)
                    .update();
            changeUsage(new Usage(-removed.states(), -removed.bytes()));
        }
        return removed;
    }

    private OffsetDateTime expired() {
        return timestamp(limits.expiredUntil(clock.instant()));
    }

    /** Now, but later than every use before: two states are never used at once. */
    private OffsetDateTime nextUse() {
        Instant now = clock.instant().truncatedTo(ChronoUnit.MICROS);
        return timestamp(lastUse.updateAndGet(last -> now.isAfter(last) ? now : last.plus(1, ChronoUnit.MICROS)));
    }

    private static OffsetDateTime timestamp(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }

    private <T> T transactionally(String what, Supplier<T> work) {
        try {
            return transaction.execute(_ -> work.get());
        } catch (DataAccessException | TransactionException e) {
            String why = NestedExceptionUtils.getMostSpecificCause(e).getMessage();
            throw new StateStoreException("The database can't %s: %s".formatted(what, why), e);
        }
    }

    private static StateEntry entry(ResultSet row, int number) throws SQLException {
        return new StateEntry(
                row.getString("tenant"),
                row.getString("id"),
                row.getString("conversation"),
                row.getString("prefix"),
                row.getLong("tokens"),
                row.getObject("created", OffsetDateTime.class).toInstant(),
                row.getLong("bytes"));
    }

    private static Usage counts(ResultSet row, int number) throws SQLException {
        return new Usage(row.getLong("states"), row.getLong("bytes"));
    }
}
