package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotOptions;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many tenants at once, saying the same and using each other's handles, on a store that is too small for all of them. */
@Timeout(600)
class TenantIsolationTest {
    private static final int TENANTS = 64;
    private static final int TURNS = 10_000;
    private static final SystemMessage SYSTEM = SystemMessage.from("You are a helpful assistant.");

    private final SnapshotStore store =
            new SnapshotStore(new MemoryStateStore(StateLimits.ofBytes(128L << 20)), SnapshotOptions.DEFAULT);
    private final RwkvChatModel model = RwkvChatModel.builder()
            .engine(Demo.ENGINE)
            .defaultRequestParameters(Demo.GREEDY.overrideWith(
                    RwkvChatRequestParameters.builder().maxOutputTokens(3).build()))
            .states(store)
            .build();
    private final Map<Integer, List<ChatMessage>> latest = new ConcurrentHashMap<>();
    private final AtomicInteger hits = new AtomicInteger();
    private final AtomicInteger borrowed = new AtomicInteger();

    @Test
    void noTokenOfAnothersPastIsInAnyState() throws Exception {
        List<Callable<Integer>> tenants = IntStream.range(0, TENANTS)
                .<Callable<Integer>>mapToObj(tenant ->
                        () -> live(tenant, TURNS / TENANTS + (tenant < TURNS % TENANTS ? 1 : 0)))
                .toList();
        int turns = 0;
        try (var executor = Executors.newFixedThreadPool(TENANTS)) {
            for (Future<Integer> done : executor.invokeAll(tenants)) {
                turns += done.get();
            }
        }

        assertThat(turns).isEqualTo(TURNS);
        assertThat(hits.get()).isGreaterThan(TURNS / 2);
        assertThat(borrowed.get()).isGreaterThan(TURNS / 20);
        assertThat(store.usage().bytes()).isBetween(64L << 20, 128L << 20);
    }

    private int live(int tenant, int turns) {
        Random random = new Random(tenant);
        List<ChatMessage> messages = begin();
        for (int turn = 0; turn < turns; turn++) {
            if (messages.size() > 10 || random.nextInt(8) == 0) {
                messages = begin();
            }
            List<ChatMessage> others = latest.get(random.nextInt(TENANTS));
            if (others != null && random.nextInt(8) == 0) {
                // Another's last answer, with its handle, and nothing of what was said before.
                messages = new ArrayList<>(List.of(SYSTEM, others.getLast()));
                borrowed.incrementAndGet();
            } else if (random.nextInt(4) == 0) {
                messages.replaceAll(
                        message -> message instanceof AiMessage said ? AiMessage.from(said.text()) : message);
            }
            messages.add(
                    UserMessage.from(random.nextBoolean() ? "My code is %d.".formatted(tenant) : "What is my code?"));
            messages.add(turn("tenant " + tenant, messages));
            latest.put(tenant, List.copyOf(messages));
        }
        return turns;
    }

    private static List<ChatMessage> begin() {
        return new ArrayList<>(List.of(SYSTEM));
    }

    private AiMessage turn(String tenant, List<ChatMessage> messages) {
        ChatResponse response = model.chat(ChatRequest.builder()
                .messages(messages)
                .parameters(RwkvChatRequestParameters.builder()
                        .tenant(tenant)
                        .windowForgets(true)
                        .build())
                .build());
        RwkvChatResponseMetadata metadata = (RwkvChatResponseMetadata) response.metadata();
        hits.addAndGet(metadata.cachedPromptTokens() > 0 ? 1 : 0);
        List<ChatMessage> told = new ArrayList<>(messages);
        told.add(response.aiMessage());
        int[] tokens = new PromptEncoder(Demo.ENGINE.tokenizer(), false)
                .encode(ChatTemplate.WORLD.story(told))
                .tokens();
        String history = Demo.ENGINE.historyOf(tokens, tokens.length).getFirst();
        // May have made room for others already.
        assertThat(store.find(tenant, String.valueOf(metadata.stateHandle())).map(Snapshot::history))
                .isIn(Optional.empty(), Optional.of(history));
        return response.aiMessage();
    }
}
