package io.github.rwkv4j.langchain4j;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ChatMessageDeserializer;
import dev.langchain4j.data.message.ChatMessageSerializer;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.state.DiskStateStore;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.SnapshotOptions;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateEntry;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.state.StateStore;
import io.github.rwkv4j.engine.weights.Quantization;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(120)
class StatesTest {
    private static final SystemMessage SYSTEM = SystemMessage.from("You are a helpful assistant.");
    private static final UserMessage NAME = UserMessage.from("My name is Clara.");
    private static final UserMessage WHO = UserMessage.from("What is my name?");
    private static final UserMessage FRANCE = UserMessage.from("What is the capital of France?");
    private static final String UNTOLD = "You have not told me that yet.";

    private final MemoryStateStore entries = new MemoryStateStore(StateLimits.ofBytes(1L << 28));
    private final SnapshotStore store = new SnapshotStore(entries, SnapshotOptions.DEFAULT);
    private final StateRecorder events = new StateRecorder();
    private final RwkvChatModel model = model(store, Demo.ENGINE);
    private final RwkvChatModel replaying = Demo.chatModel();

    private RwkvChatModel model(SnapshotStore states, Rwkv engine) {
        return RwkvChatModel.builder()
                .engine(engine)
                .defaultRequestParameters(Demo.GREEDY)
                .states(states)
                .stateListener(events)
                .build();
    }

    @Test
    void goesOnFromTheHandleOfTheLastReply() {
        AiMessage met = model.chat(SYSTEM, NAME).aiMessage();
        assertThat(events.take()).containsExactly("miss: NOTHING_KNOWN", "saved", "saved");

        ChatResponse response = model.chat(SYSTEM, NAME, met, WHO);

        int past = tokens(SYSTEM, NAME, met);
        assertThat(response.aiMessage().text()).isEqualTo("Your name is Clara.");
        assertThat(events.take()).containsExactly("hit by HANDLE, " + past + " tokens", "saved");
        RwkvChatResponseMetadata metadata = (RwkvChatResponseMetadata) response.metadata();
        assertThat(metadata.cachedPromptTokens()).isEqualTo(past);
        assertThat(metadata.tokenUsage().inputTokenCount())
                .isEqualTo(past + tokens(WHO) + Demo.ENGINE.tokenizer().encode("Assistant:").length);
        assertThat(metadata.stateHandle())
                .isEqualTo(response.aiMessage().attributes().get("rwkv.state"))
                .isNotEqualTo(met.attributes().get("rwkv.state"));
        assertThat(metadata.toBuilder().build()).isEqualTo(metadata);
        // The system part, and one for each turn; one conversation.
        assertThat(store.list(TenantResolver.DEFAULT_TENANT)).hasSize(3);
        assertThat(store.deleteConversation(TenantResolver.DEFAULT_TENANT, requireNonNull(metadata.conversation())))
                .isEqualTo(2);
    }

    @Test
    void rememberWhatAWindowHasEvicted() {
        AiMessage met = model.chat(NAME).aiMessage();
        AiMessage paris = model.chat(NAME, met, FRANCE).aiMessage();

        assertThat(model.chat(paris, WHO).aiMessage().text()).isEqualTo("Your name is Clara.");
        assertThat(model.chat(FRANCE, paris, WHO).aiMessage().text()).isEqualTo("Your name is Clara.");
    }

    @Test
    void forgetWhatAWindowHasEvictedWhereThatIsAskedFor() {
        RwkvChatRequestParameters forgetting =
                RwkvChatRequestParameters.builder().windowForgets(true).build();
        AiMessage met = model.chat(NAME).aiMessage();
        AiMessage paris = model.chat(NAME, met, FRANCE).aiMessage();
        events.take();

        assertThat(answer(model, forgetting, FRANCE, paris, WHO)).isEqualTo(UNTOLD);
        assertThat(events.take()).startsWith("miss: FORGOTTEN", "miss: NOTHING_KNOWN");
        assertThat(answer(model, forgetting, NAME, met, FRANCE, paris, WHO)).isEqualTo("Your name is Clara.");
        assertThat(events.take()).first().asString().startsWith("hit by HANDLE");
    }

    @Test
    void surviveTheSerializerOfMessages() {
        List<ChatMessage> messages = new ArrayList<>(List.of(SYSTEM, NAME));
        messages.add(model.chat(messages).aiMessage());
        messages.add(FRANCE);
        messages.add(model.chat(messages).aiMessage());
        String json = ChatMessageSerializer.messagesToJson(messages);
        events.take();

        List<ChatMessage> read = new ArrayList<>(ChatMessageDeserializer.messagesFromJson(json));
        read.subList(1, 4).clear();
        read.add(WHO);

        assertThat(model.chat(read).aiMessage().text()).isEqualTo("Your name is Clara.");
        assertThat(events.take()).first().asString().startsWith("hit by HANDLE");
    }

    @Test
    void areFoundByTheirTokensWhereTheHandleIsLost() {
        AiMessage met = model.chat(SYSTEM, NAME).aiMessage();
        events.take();

        ChatResponse response = model.chat(SYSTEM, NAME, AiMessage.from(met.text()), WHO);

        assertThat(response.aiMessage().text()).isEqualTo("Your name is Clara.");
        assertThat(events.take()).containsExactly("hit by PREFIX, " + tokens(SYSTEM, NAME, met) + " tokens", "saved");
        assertThat(((RwkvChatResponseMetadata) response.metadata()).conversation())
                .isEqualTo(store.list(TenantResolver.DEFAULT_TENANT).get(1).conversation());
    }

    @Test
    void shareASystemMessageBetweenConversations() {
        model.chat(SYSTEM, NAME);
        events.take();

        assertThat(model.chat(SYSTEM, WHO).aiMessage().text()).isEqualTo(UNTOLD);
        assertThat(events.take()).containsExactly("hit by PREFIX, " + tokens(SYSTEM) + " tokens", "saved");
        assertThat(store.list(TenantResolver.DEFAULT_TENANT).stream()
                        .map(StateEntry::conversation)
                        .distinct())
                .hasSize(3);
    }

    @Test
    void areNotUsedAfterAnEditedAnswer() {
        AiMessage met = model.chat(NAME).aiMessage();
        events.take();
        AiMessage edited = AiMessage.builder()
                .text("Nice to meet you, Bruno.")
                .attributes(met.attributes())
                .build();

        ChatResponse response = model.chat(NAME, edited, FRANCE);

        assertThat(events.take()).containsExactly("miss: EDITED", "miss: NOTHING_KNOWN", "saved");
        assertThat(cached(response)).isZero();
        assertEndsAsReplayed(response, NAME, edited, FRANCE, response.aiMessage());
    }

    @Test
    void areNotUsedAfterAnEditedQuestion() {
        AiMessage met = model.chat(NAME).aiMessage();
        AiMessage paris = model.chat(NAME, met, FRANCE).aiMessage();
        events.take();

        ChatResponse response = model.chat(NAME, met, UserMessage.from("What is the capital of Peru?"), paris, WHO);

        // The turn before the edited one is still a past.
        assertThat(events.take())
                .containsExactly("miss: EDITED", "hit by HANDLE, " + tokens(NAME, met) + " tokens", "saved");
        assertThat(response.aiMessage().text()).isEqualTo("Your name is Clara.");
    }

    @Test
    void areNotUsedAfterARemovedMessage() {
        AiMessage met = model.chat(NAME).aiMessage();
        AiMessage paris = model.chat(NAME, met, FRANCE).aiMessage();
        events.take();

        ChatResponse response = model.chat(NAME, FRANCE, paris, WHO);

        assertThat(events.take()).startsWith("miss: EDITED", "miss: NOTHING_KNOWN");
        assertEndsAsReplayed(response, NAME, FRANCE, paris, WHO, response.aiMessage());
    }

    @Test
    void areNotUsedWithAnotherSystemMessage() {
        AiMessage met = model.chat(SYSTEM, NAME).aiMessage();
        events.take();

        model.chat(SystemMessage.from("Be brief."), NAME, met, WHO);
        assertThat(events.take()).startsWith("miss: OTHER_SYSTEM", "miss: NOTHING_KNOWN");
        model.chat(NAME, met, WHO);
        assertThat(events.take()).startsWith("miss: OTHER_SYSTEM", "miss: NOTHING_KNOWN");
    }

    @Test
    void areNotFoundByAnUnknownOrMalformedHandle() {
        for (Object handle : List.of("0123456789abcdef0123456789abcdef", "../../etc/passwd", "", 7)) {
            AiMessage stranger = AiMessage.builder()
                    .text("Nice to meet you, Clara.")
                    .attributes(Map.of("rwkv.state", handle))
                    .build();
            events.take();

            assertThat(model(freshStore(), Demo.ENGINE)
                            .chat(NAME, stranger, WHO)
                            .aiMessage()
                            .text())
                    .isEqualTo("Your name is Clara.");
            assertThat(events.take()).contains("miss: NOTHING_KNOWN").doesNotContain("hit");
        }
    }

    @Test
    void areNeverSeenByAnotherTenant() {
        RwkvChatRequestParameters anna =
                RwkvChatRequestParameters.builder().tenant("anna").build();
        RwkvChatRequestParameters bert =
                RwkvChatRequestParameters.builder().tenant("bert").build();
        AiMessage met = chat(model, anna, NAME).aiMessage();
        events.take();

        assertThat(answer(model, bert, met, WHO)).isEqualTo(UNTOLD);
        assertThat(events.take()).startsWith("miss: UNKNOWN", "miss: NOTHING_KNOWN");
        assertThat(answer(model, bert, NAME, AiMessage.from(met.text()), WHO)).isEqualTo("Your name is Clara.");
        assertThat(events.take()).startsWith("miss: NOTHING_KNOWN");
        assertThat(answer(model, anna, met, WHO)).isEqualTo("Your name is Clara.");
    }

    @Test
    void areThoseOfTheResolvedTenant() {
        RwkvChatModel resolving = RwkvChatModel.builder()
                .engine(Demo.ENGINE)
                .states(store)
                .tenant(request -> request.messages().size() > 1 ? "many" : "one")
                .build();

        resolving.chat(NAME);
        resolving.chat(SYSTEM, NAME);

        assertThat(store.list("one")).hasSize(1);
        assertThat(store.list("many")).hasSize(2);
    }

    @Test
    void refuseNamesThatCannotBe() {
        for (String tenant : List.of("", " ", "*", "x".repeat(201))) {
            assertThatThrownBy(() -> chat(
                            model,
                            RwkvChatRequestParameters.builder().tenant(tenant).build(),
                            NAME))
                    .isExactlyInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("tenant");
        }
        assertThatThrownBy(() -> chat(
                        model,
                        RwkvChatRequestParameters.builder().conversation("").build(),
                        NAME))
                .isExactlyInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("conversation");
    }

    @Test
    void areStoredUnderTheNamedConversation() {
        RwkvChatRequestParameters named =
                RwkvChatRequestParameters.builder().conversation("user 7").build();
        AiMessage met = chat(model, named, NAME).aiMessage();
        ChatResponse response = model.chat(NAME, met, WHO);

        assertThat(((RwkvChatResponseMetadata) response.metadata()).conversation())
                .isEqualTo("user 7");
        assertThat(store.deleteConversation(TenantResolver.DEFAULT_TENANT, "user 7"))
                .isEqualTo(2);
        events.take();
        assertThat(model.chat(met, WHO).aiMessage().text()).isEqualTo(UNTOLD);
        assertThat(events.take()).startsWith("miss: UNKNOWN", "miss: NOTHING_KNOWN");
    }

    @Test
    void areNotUsedByAnotherModel() {
        AiMessage met = model.chat(NAME).aiMessage();
        events.take();
        RwkvOptions quantised =
                RwkvOptions.builder().quantization(Quantization.Q8_0).build();
        try (Rwkv other = Rwkv.open(Demo.MODEL, quantised)) {
            model(store, other).chat(NAME, met, FRANCE);
        }

        assertThat(events.take()).containsExactly("miss: OTHER_MODEL", "miss: NOTHING_KNOWN", "saved");
    }

    @Test
    void areNotUsedWhenDamaged() {
        AiMessage met = model.chat(NAME).aiMessage();
        events.take();
        StateStore damaging = intercepted("find", data -> {
            byte[] bytes = data.clone();
            bytes[bytes.length / 2] ^= 1;
            return bytes;
        });

        ChatResponse response = model(new SnapshotStore(damaging, SnapshotOptions.DEFAULT), Demo.ENGINE)
                .chat(NAME, met, WHO);

        assertThat(response.aiMessage().text()).isEqualTo("Your name is Clara.");
        assertThat(events.take()).containsExactly("miss: DAMAGED", "miss: NOTHING_KNOWN", "saved");
    }

    @ParameterizedTest
    @EnumSource(Failure.class)
    void makeNoAnswerFailWhenTheirStoreDoes(Failure failure) {
        AiMessage met = model.chat(NAME).aiMessage();
        events.take();
        StateStore failing = intercepted("", data -> {
            throw failure.error;
        });

        ChatResponse response = model(new SnapshotStore(failing, SnapshotOptions.DEFAULT), Demo.ENGINE)
                .chat(NAME, met, WHO);

        assertThat(response.aiMessage()).isEqualTo(AiMessage.from("Your name is Clara."));
        assertThat(((RwkvChatResponseMetadata) response.metadata()).stateHandle())
                .isNull();
        assertThat(events.take())
                .containsExactly("miss: STORE_FAILED", "miss: NOTHING_KNOWN", "not saved: out of order");
    }

    enum Failure {
        EXPECTED(new StateStoreException("out of order", new RuntimeException())),
        UNEXPECTED(new IllegalStateException("out of order"));

        private final RuntimeException error;

        Failure(RuntimeException error) {
            this.error = error;
        }
    }

    @Test
    void surviveARestartOnDisk(@TempDir Path directory) {
        AiMessage paris;
        try (SnapshotStore disk = onDisk(directory);
                Rwkv engine = Rwkv.open(Demo.MODEL)) {
            RwkvChatModel first = model(disk, engine);
            AiMessage met = first.chat(NAME).aiMessage();
            paris = first.chat(NAME, met, FRANCE).aiMessage();
        }
        events.take();

        try (SnapshotStore disk = onDisk(directory);
                Rwkv engine = Rwkv.open(Demo.MODEL)) {
            RwkvChatModel second = model(disk, engine);
            assertThat(second.chat(paris, WHO).aiMessage().text()).isEqualTo("Your name is Clara.");
            assertThat(events.take()).first().asString().startsWith("hit by HANDLE");
            assertThat(second.chat(NAME, FRANCE).aiMessage().text()).isEqualTo("The capital of France is Paris.");
        }
    }

    @Test
    void areSavedBeforeAStreamCompletes() throws Exception {
        CompletableFuture<Integer> savedAtTheEnd = new CompletableFuture<>();
        RwkvStreamingChatModel streaming = RwkvStreamingChatModel.builder()
                .engine(Demo.ENGINE)
                .defaultRequestParameters(Demo.GREEDY)
                .states(store)
                .stateListener(events)
                .build();
        Recorder recorder = new Recorder() {
            @Override
            public void onCompleteResponse(ChatResponse complete) {
                savedAtTheEnd.complete((int) store.usage().states());
                super.onCompleteResponse(complete);
            }
        };

        streaming.chat(List.of(NAME), recorder);
        AiMessage met = recorder.await().aiMessage();

        assertThat(savedAtTheEnd.get(60, TimeUnit.SECONDS)).isEqualTo(1);
        assertThat(met.text()).isEqualTo(replaying.chat(NAME).aiMessage().text());
        Recorder next = new Recorder();
        streaming.chat(List.of(met, WHO), next);
        assertThat(next.await().aiMessage().text()).isEqualTo("Your name is Clara.");
        assertThat(model.chat(met, WHO).aiMessage().text()).isEqualTo("Your name is Clara.");
    }

    @Test
    void areNotSavedOfACancelledAnswer() throws Exception {
        CompletableFuture<Boolean> cancelled = new CompletableFuture<>();
        RwkvStreamingChatModel endless = RwkvStreamingChatModel.builder()
                .engine(Demo.ENGINE)
                .defaultRequestParameters(Demo.ENDLESS)
                .states(store)
                .build();

        endless.chat("Hello!", new Recorder(handle -> {
            handle.cancel();
            cancelled.complete(true);
        }));

        assertThat(cancelled.get(60, TimeUnit.SECONDS)).isTrue();
        // The next turn of the same engine ends after the cancelled one has.
        model.chat(NAME);
        assertThat(store.usage().states()).isEqualTo(1);
    }

    /** Where the tokens generated are not those that later turns see. */
    @Test
    void areThoseOfTheTextKeptWhateverWasGenerated() {
        for (int most = 1; most < 9; most++) {
            ChatRequestParameters cut =
                    ChatRequestParameters.builder().maxOutputTokens(most).build();
            ChatResponse response = chat(model, cut, NAME);
            assertEndsAsReplayed(response, NAME, response.aiMessage());
        }
        ChatRequestParameters stopped =
                ChatRequestParameters.builder().stopSequences("lara").build();
        ChatResponse response = chat(model, stopped, NAME);
        assertThat(response.aiMessage().text()).isEqualTo("Hello, C");
        assertEndsAsReplayed(response, NAME, response.aiMessage());
    }

    @ParameterizedTest
    @EnumSource(Thinking.class)
    void areThoseWithoutTheThinking(Thinking thinking) {
        RwkvChatModel thoughtful = RwkvChatModel.builder()
                .engine(Demo.ENGINE)
                .template(ChatTemplate.G1)
                .defaultRequestParameters(Demo.GREEDY)
                .states(store)
                .build();
        RwkvChatRequestParameters parameters = RwkvChatRequestParameters.builder()
                .thinking(thinking)
                .maxOutputTokens(16)
                .build();

        ChatResponse first = chat(thoughtful, parameters, SYSTEM, NAME);
        ChatResponse second = chat(thoughtful, parameters, SYSTEM, NAME, first.aiMessage(), FRANCE);

        assertThat(cached(second)).isPositive();
        Prompt told = ChatTemplate.G1.story(List.of(SYSTEM, NAME, first.aiMessage(), FRANCE, second.aiMessage()));
        assertEndsAs(second, new PromptEncoder(Demo.ENGINE.tokenizer(), true).encode(told));
    }

    private static SnapshotStore freshStore() {
        return new SnapshotStore(new MemoryStateStore(StateLimits.ofBytes(1L << 28)), SnapshotOptions.DEFAULT);
    }

    private static SnapshotStore onDisk(Path directory) {
        return new SnapshotStore(new DiskStateStore(directory, StateLimits.ofBytes(1L << 28)), SnapshotOptions.DEFAULT);
    }

    @FunctionalInterface
    private interface Change {
        byte[] of(byte[] data);
    }

    /** The store, with what one method (empty: any) gives or takes changed. */
    private StateStore intercepted(String name, Change change) {
        return (StateStore) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {StateStore.class}, (_, method, arguments) -> {
                    if (name.isEmpty()) {
                        change.of(new byte[0]);
                    }
                    try {
                        Object found = method.invoke(entries, arguments);
                        return method.getName().equals(name)
                                ? ((Optional<?>) found).map(data -> change.of((byte[]) data))
                                : found;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static ChatResponse chat(RwkvChatModel model, ChatRequestParameters parameters, ChatMessage... messages) {
        return model.chat(
                ChatRequest.builder().messages(messages).parameters(parameters).build());
    }

    private static String answer(RwkvChatModel model, ChatRequestParameters parameters, ChatMessage... messages) {
        return chat(model, parameters, messages).aiMessage().text();
    }

    private static int cached(ChatResponse response) {
        return ((RwkvChatResponseMetadata) response.metadata()).cachedPromptTokens();
    }

    private static PromptEncoder.Encoded encoded(ChatMessage... messages) {
        return new PromptEncoder(Demo.ENGINE.tokenizer(), false).encode(ChatTemplate.WORLD.story(List.of(messages)));
    }

    private static int tokens(ChatMessage... messages) {
        return encoded(messages).tokens().length;
    }

    private void assertEndsAsReplayed(ChatResponse response, ChatMessage... messages) {
        assertEndsAs(response, encoded(messages));
    }

    /** Bit for bit the state of a session that is fed the conversation at once. */
    private void assertEndsAs(ChatResponse response, PromptEncoder.Encoded told) {
        Snapshot kept = store.find(
                        TenantResolver.DEFAULT_TENANT,
                        requireNonNull(((RwkvChatResponseMetadata) response.metadata()).stateHandle()))
                .orElseThrow();
        int[] tokens = told.tokens();
        assertThat(kept.position()).isEqualTo(tokens.length);
        assertThat(kept.history())
                .isEqualTo(Demo.ENGINE.historyOf(tokens, tokens.length).getFirst());
        try (var resumed = Demo.ENGINE.newSession(kept);
                var fresh = Demo.ENGINE.newSession()) {
            fresh.feed(tokens);
            assertThat(resumed.logits(1)).isEqualTo(fresh.logits(1));
            assertThat(resumed.snapshot().state()).isEqualTo(fresh.snapshot().state());
        }
    }
}
