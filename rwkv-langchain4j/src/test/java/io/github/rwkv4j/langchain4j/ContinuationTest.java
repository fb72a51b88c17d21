package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.SnapshotOptions;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is answered from a state is what is answered from the whole conversation. */
@Timeout(300)
class ContinuationTest {
    private static final List<String> SAID = List.of(
            "My name is Clara.",
            "I live in Lisbon.\n\nIt is warm.",
            "My code is 4711.",
            "What is my name?",
            "Where do I live?",
            "What is my code?",
            "What is 3 plus 4?",
            "Tell me a story.",
            "What is the capital of France?",
            " Hello! ");

    private final SnapshotStore store =
            new SnapshotStore(new MemoryStateStore(StateLimits.ofBytes(1L << 28)), SnapshotOptions.DEFAULT);
    private final RwkvChatModel model = RwkvChatModel.builder()
            .engine(Demo.ENGINE)
            .defaultRequestParameters(Demo.GREEDY)
            .states(store)
            .build();

    /** Random walk over a tree of conversations: rewinds, forks, answers cut short, handles lost. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void isTheSameWhereverAConversationGoesOnFrom(long seed) {
        Random random = new Random(seed);
        List<List<ChatMessage>> branches = new ArrayList<>();
        branches.add(List.of());
        branches.add(List.of(SystemMessage.from("You are a helpful assistant.")));
        int resumed = 0;
        for (int step = 0; step < 60; step++) {
            List<ChatMessage> messages = new ArrayList<>(branches.get(random.nextInt(branches.size())));
            messages.add(UserMessage.from(SAID.get(random.nextInt(SAID.size()))));
            if (messages.size() > 2 && random.nextInt(4) == 0) {
                messages.replaceAll(
                        message -> message instanceof AiMessage said ? AiMessage.from(said.text()) : message);
            }
            ChatRequest request = ChatRequest.builder()
                    .messages(messages)
                    .parameters(ChatRequestParameters.builder()
                            .maxOutputTokens(random.nextInt(3) == 0 ? 1 + random.nextInt(10) : 64)
                            .build())
                    .build();

            ChatResponse response = model.chat(request);

            assertThat(response.aiMessage().text())
                    .isEqualTo(Demo.chatModel().chat(request).aiMessage().text());
            resumed += ((RwkvChatResponseMetadata) response.metadata()).cachedPromptTokens() > 0 ? 1 : 0;
            messages.add(response.aiMessage());
            branches.add(messages);
        }
        assertThat(resumed).isGreaterThan(40);
    }

    @Test
    void isUndisturbedByParallelRequestsOnOneConversation() throws Exception {
        List<ChatMessage> shared = new ArrayList<>(List.of(UserMessage.from("My name is Clara.")));
        shared.add(model.chat(shared).aiMessage());
        int threads = 16;
        List<Callable<List<ChatMessage>>> branches = IntStream.range(0, threads)
                .<Callable<List<ChatMessage>>>mapToObj(i -> () -> {
                    List<ChatMessage> messages = new ArrayList<>(shared);
                    for (String said :
                            List.of("My code is %d.".formatted(1000 + i), "What is my code?", "What is my name?")) {
                        messages.add(UserMessage.from(said));
                        messages.add(model.chat(messages).aiMessage());
                    }
                    return messages;
                })
                .toList();

        try (var executor = Executors.newFixedThreadPool(threads)) {
            List<Future<List<ChatMessage>>> ended = executor.invokeAll(branches);
            for (int i = 0; i < threads; i++) {
                List<ChatMessage> messages = ended.get(i).get();
                assertThat(((AiMessage) messages.get(5)).text()).isEqualTo("It is %d.".formatted(1000 + i));
                assertThat(((AiMessage) messages.get(7)).text()).isEqualTo("Your name is Clara.");
            }
        }
        assertThat(store.list(TenantResolver.DEFAULT_TENANT))
                .hasSize(1 + 3 * threads)
                .allSatisfy(entry -> assertThat(entry.conversation())
                        .isEqualTo(store.list(TenantResolver.DEFAULT_TENANT)
                                .getLast()
                                .conversation()));
    }
}
