package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.RwkvOptions;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.SnapshotOptions;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateLimits;
import io.github.rwkv4j.engine.weights.Quantization;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class ConversationTest {
    private static final String TEXT = "Otto runs the bakery in Malmo. The bakery opens at seven.";
    private static final RwkvChatRequestParameters BERT =
            RwkvChatRequestParameters.builder().tenant("bert").build();

    @TempDir
    private Path directory;

    private final SnapshotStore store = newStore();
    private final RwkvChatModel model = model(store, Demo.ENGINE);

    @Test
    void goesOnInSeveralWaysFromOneTurn() {
        Conversation trunk = Conversation.with(model).say("My name is Clara.");

        Conversation green = trunk.say("My favourite colour is green.").say("What is my favourite colour?");
        Conversation gold = trunk.say("My favourite colour is gold.").say("What is my favourite colour?");

        assertThat(green.answer()).isEqualTo("Your favourite colour is green.");
        assertThat(gold.answer()).isEqualTo("Your favourite colour is gold.");
        assertThat(trunk.turns()).isEqualTo(1);
        assertThat(trunk.say("What is my name?").answer()).isEqualTo("Your name is Clara.");
        assertThat(cached(gold)).isPositive();
    }

    @Test
    void goesBackToAnEarlierTurn() {
        Conversation whole = Conversation.of(model, List.of(SystemMessage.from("You are a helpful assistant.")))
                .say("My code is 4711.")
                .say("My code is 1234.")
                .say("What is my code?");
        assertThat(whole.answer()).isEqualTo("It is 1234.");

        Conversation again = whole.rewind(1).say("What is my code?");

        assertThat(again.answer()).isEqualTo("It is 4711.");
        assertThat(cached(again)).isPositive();
        assertThat(whole.rewind(3).messages()).isEqualTo(whole.messages());
        assertThat(whole.rewind(0).messages()).hasSize(1);
        assertThat(whole.rewind(0).answer()).isEmpty();
        assertThatThrownBy(() -> whole.rewind(4))
                .isExactlyInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 turns");
    }

    @Test
    void isComparedWithAnotherBranch() {
        Conversation trunk = Conversation.with(model).say("My name is Clara.");
        Conversation green = trunk.say("My favourite colour is green.");
        Conversation gold = trunk.say("My favourite colour is gold.");

        Conversation.Comparison other = green.compare(gold, "What is my favourite colour?");
        Conversation.Comparison same = green.compare(
                Conversation.with(Demo.chatModel()).say("My name is Clara.").say("My favourite colour is green."),
                "What is my favourite colour?");

        assertThat(other.sharedMessages()).isEqualTo(2);
        assertThat(other.stateDistance()).isBetween(0.001, 1.0);
        assertThat(other.divergence()).isBetween(0.0, 0.5);
        assertThat(same).isEqualTo(new Conversation.Comparison(4, 0, 0));
        try (Rwkv engine = Rwkv.open(Demo.MODEL)) {
            assertThatThrownBy(() -> green.compare(Conversation.with(model(newStore(), engine)), "Hello!"))
                    .isExactlyInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("same model");
        }
    }

    @Test
    void measuresDistances() {
        assertThat(Distances.relative(new float[] {3, 4}, new float[] {3, 4})).isZero();
        assertThat(Distances.relative(new float[] {1, 0}, new float[] {0, 1})).isCloseTo(Math.sqrt(2), within(1e-12));
        assertThat(Distances.relative(new float[2], new float[2])).isZero();
        float[] first = {1000, 0};
        float[] second = {0, 1000};
        assertThat(Distances.jensenShannon(first, first)).isZero();
        assertThat(Distances.jensenShannon(first, second)).isCloseTo(1, within(1e-12));
        // H((p + q) / 2) - (H(p) + H(q)) / 2 for p = (1/2, 1/2), q = (1, 0).
        assertThat(Distances.jensenShannon(new float[2], first)).isCloseTo(0.3112781, within(1e-6));
    }

    @Test
    void isCarriedToAnotherPlaceAsAFile() {
        Path file = directory.resolve("talk.rwkv");
        Conversation here = Conversation.with(model).say("My name is Clara.").say("What is 3 plus 4?");
        here.exportTo(file);
        SnapshotStore elsewhere = newStore();

        Conversation there = Conversation.importFrom(file, model(elsewhere, Demo.ENGINE), BERT);

        assertThat(elsewhere.list("bert")).hasSize(1);
        Conversation next = there.say("What is my name?");
        assertThat(next.answer()).isEqualTo("Your name is Clara.");
        assertThat(cached(next))
                .isEqualTo(Demo.ENGINE.tokenizer().encode(ChatTemplate.WORLD.conversation(here.messages())).length);
        assertThat(there.rewind(1).say("What is my name?").answer()).isEqualTo("Your name is Clara.");
    }

    @Test
    void takesAlongWhatAWindowHasEvicted() {
        Conversation whole = Conversation.with(model).say("My name is Clara.").say("What is 3 plus 4?");
        Conversation window = Conversation.of(
                model, whole.messages().subList(2, whole.messages().size()));
        Path file = directory.resolve("window.rwkv");
        window.exportTo(file);

        Conversation there = Conversation.importFrom(file, model(newStore(), Demo.ENGINE), BERT);

        assertThat(there.messages()).hasSize(2);
        assertThat(there.say("What is my name?").answer()).isEqualTo("Your name is Clara.");
    }

    @Test
    void refusesFilesThatItCannotTrust() throws Exception {
        Path file = directory.resolve("talk.rwkv");
        Conversation.with(model).say("My name is Clara.").exportTo(file);
        byte[] whole = Files.readAllBytes(file);

        for (int cut : new int[] {0, 5, 12, 40, whole.length / 2, whole.length - 1}) {
            assertRefused(Arrays.copyOf(whole, cut));
        }
        for (int at : new int[] {0, 8, 9, 30, whole.length / 2, whole.length - 1}) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 4;
            assertRefused(damaged);
        }
        byte[] otherMessages = new String(whole, StandardCharsets.ISO_8859_1)
                .replace("Clara", "Carla")
                .getBytes(StandardCharsets.ISO_8859_1);
        assertThat(assertRefused(otherMessages)).hasMessageContaining("not that of the messages");
        assertThatThrownBy(() -> Conversation.importFrom(directory.resolve("none"), model, BERT))
                .isExactlyInstanceOf(UncheckedIOException.class);
    }

    private Throwable assertRefused(byte[] content) throws Exception {
        Path file = Files.write(directory.resolve("other.rwkv"), content);
        Throwable[] thrown = new Throwable[1];
        assertThatThrownBy(() -> Conversation.importFrom(file, model, BERT))
                .isExactlyInstanceOf(InvalidRequestException.class)
                .hasCauseExactlyInstanceOf(SnapshotException.class)
                .satisfies(error -> thrown[0] = error);
        assertThat(store.list("bert")).isEmpty();
        return thrown[0];
    }

    @Test
    void refusesAFileOfAnotherModel() {
        Path file = directory.resolve("talk.rwkv");
        RwkvOptions quantised =
                RwkvOptions.builder().quantization(Quantization.Q8_0).build();
        try (Rwkv other = Rwkv.open(Demo.MODEL, quantised)) {
            Conversation.with(model(newStore(), other)).say("Hello!").exportTo(file);
        }

        assertThatThrownBy(() -> Conversation.importFrom(file, model, BERT))
                .isExactlyInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("another model");
        assertThatThrownBy(() -> Conversation.importFrom(file, Demo.chatModel(), BERT))
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessageContaining("states(");
    }

    @Test
    void answersAboutADocumentThatWasReadBefore() {
        DocumentState document = DocumentState.prepare(model, TenantResolver.DEFAULT_TENANT, TEXT);

        Conversation question = Conversation.about(document, model).say("What is 3 plus 4?");

        assertThat(document.wasKnown()).isFalse();
        assertThat(question.answer())
                .isEqualTo(Demo.chatModel()
                        .chat(SystemMessage.from(TEXT), UserMessage.from("What is 3 plus 4?"))
                        .aiMessage()
                        .text());
        assertThat(cached(question)).isEqualTo(document.tokens());
        assertThat(Conversation.about(document, model).say("Hello!").messages()).hasSize(3);
        assertThat(DocumentState.prepare(model, TenantResolver.DEFAULT_TENANT, TEXT)
                        .wasKnown())
                .isTrue();
    }

    @Test
    void keepsADocumentForItsTenantUnlessItIsPublic() {
        DocumentState own = DocumentState.prepare(model, "anna", TEXT);
        DocumentState shared = DocumentState.prepare(model, SnapshotStore.PUBLIC, "Be brief.");

        assertThat(cached(Conversation.about(own, model).withParameters(BERT).say("Hello!")))
                .isZero();
        assertThat(cached(Conversation.about(shared, model).withParameters(BERT).say("Hello!")))
                .isEqualTo(shared.tokens());
    }

    private static SnapshotStore newStore() {
        return new SnapshotStore(new MemoryStateStore(StateLimits.ofBytes(1L << 28)), SnapshotOptions.DEFAULT);
    }

    private static RwkvChatModel model(SnapshotStore states, Rwkv engine) {
        return RwkvChatModel.builder()
                .engine(engine)
                .defaultRequestParameters(Demo.GREEDY)
                .states(states)
                .build();
    }

    private static int cached(Conversation conversation) {
        return ((RwkvChatResponseMetadata) conversation.response().orElseThrow().metadata()).cachedPromptTokens();
    }
}
