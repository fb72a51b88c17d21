package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import io.github.rwkv4j.langchain4j.RwkvChatResponseMetadata;
import io.github.rwkv4j.langchain4j.TenantResolver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.ConfigDataApplicationContextInitializer;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** States as an application has them that adds the starter and changes nothing. */
class StatesInAnApplicationTest {
    private static final String PROMPT = "You are a helpful assistant.";

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withInitializer(new ConfigDataApplicationContextInitializer())
            .withConfiguration(AutoConfigurations.of(
                    RwkvAutoConfiguration.class,
                    RwkvStateAutoConfiguration.class,
                    RwkvMetricsAutoConfiguration.class,
                    RwkvActuatorAutoConfiguration.class));

    @Test
    void goOnWithoutACodeChangeAndAreCounted() {
        application.withBean(SimpleMeterRegistry.class).run(context -> {
            ChatModel model = context.getBean(ChatModel.class);
            List<ChatMessage> conversation = new ArrayList<>();
            assertThat(cached(model, conversation, "My name is Ada.")).isZero();
            int cached = cached(model, conversation, "What is my name?");

            assertThat(cached).isPositive();
            assertThat(((AiMessage) conversation.getLast()).text()).contains("Ada");
            MeterRegistry meters = context.getBean(MeterRegistry.class);
            assertThat(meters.get("rwkv.state.hits")
                            .tag("source", "handle")
                            .counter()
                            .count())
                    .isEqualTo(1);
            assertThat(meters.get("rwkv.state.misses")
                            .tag("reason", "nothing_known")
                            .counter()
                            .count())
                    .isEqualTo(1);
            assertThat(meters.get("rwkv.state.tokens.saved").counter().count()).isEqualTo(cached);
            assertThat(meters.get("rwkv.state.load").timer().count()).isEqualTo(1);
            assertThat(meters.get("rwkv.state.save").timer().count()).isGreaterThanOrEqualTo(2);
            assertThat(meters.get("rwkv.state.save.failures").counter().count()).isZero();
            SnapshotStore store = context.getBean(SnapshotStore.class);
            assertThat(meters.get("rwkv.state.held").gauge().value())
                    .isEqualTo(store.usage().states());
            assertThat(meters.get("rwkv.state.held.size").gauge().value())
                    .isEqualTo(store.usage().bytes());
        });
    }

    @Test
    void areNotMissedWithoutMicrometer() {
        application
                .withClassLoader(new FilteredClassLoader("io.micrometer"))
                .run(context -> assertThat(context.getBean(ChatModel.class).chat("What is 12 plus 15?"))
                        .isEqualTo("12 plus 15 is 27."));
    }

    @Test
    void areOfOneTenant() {
        AtomicReference<String> tenant = new AtomicReference<>("a");
        application
                .withBean(TenantResolver.class, () -> _ -> String.valueOf(tenant.get()))
                .run(context -> {
                    ChatModel model = context.getBean(ChatModel.class);
                    List<ChatMessage> conversation = new ArrayList<>();
                    cached(model, conversation, "My name is Ada.");
                    tenant.set("b");

                    assertThat(cached(model, conversation, "What is my name?")).isZero();
                    assertThat(context.getBean(SnapshotStore.class).list("a")).isNotEmpty();
                    assertThat(context.getBean(SnapshotStore.class).list("b")).isNotEmpty();
                });
    }

    @Test
    void rememberWhatAWindowHasEvictedUnlessToldNotTo() {
        application.run(context ->
                assertThat(afterAnEviction(context.getBean(ChatModel.class))).isPositive());
        application
                .withPropertyValues("rwkv.state.remember-evicted=false")
                .run(context -> assertThat(afterAnEviction(context.getBean(ChatModel.class)))
                        .isZero());
    }

    private static int afterAnEviction(ChatModel model) {
        List<ChatMessage> conversation = new ArrayList<>();
        cached(model, conversation, "My name is Ada.");
        cached(model, conversation, "What is 12 plus 15?");
        return cached(model, new ArrayList<>(conversation.subList(2, 4)), "What is my name?");
    }

    @Test
    void areThereFromTheStartForWarmPromptsWhichAllTenantsShare() {
        application
                .withBean(TenantResolver.class, () -> _ -> "someone")
                .withPropertyValues("rwkv.warm.prompts[0]=" + PROMPT)
                .run(context -> {
                    List<ChatMessage> conversation = new ArrayList<>(List.of(SystemMessage.from(PROMPT)));

                    assertThat(context.getBean(SnapshotStore.class).list(SnapshotStore.PUBLIC))
                            .hasSize(1);
                    assertThat(cached(context.getBean(RwkvChatModel.class), conversation, "What is 12 plus 15?"))
                            .isPositive();
                });
    }

    @Test
    void mustBeKeptForPromptsToBeWarm() {
        application
                .withPropertyValues("rwkv.warm.prompts[0]=" + PROMPT, "rwkv.state.store=none")
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .isInstanceOf(InvalidPropertyException.class)
                        .hasMessageContaining("rwkv.warm.prompts is set but must be absent where nothing is kept"));
        application
                .withPropertyValues("rwkv.warm.prompts[0]= ")
                .run(context -> assertThat(context.getStartupFailure())
                        .rootCause()
                        .hasMessageContaining("rwkv.warm.prompts is [] but must be texts that are not blank"));
    }

    /** One more turn; returns how many tokens of its prompt a state saved. */
    private static int cached(ChatModel model, List<ChatMessage> conversation, String question) {
        conversation.add(UserMessage.from(question));
        ChatResponse response = model.chat(conversation);
        conversation.add(response.aiMessage());
        return ((RwkvChatResponseMetadata) response.metadata()).cachedPromptTokens();
    }
}
