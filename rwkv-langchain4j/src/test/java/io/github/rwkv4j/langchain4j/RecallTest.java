package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.memory.ChatMemory;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.memory.chat.TokenWindowChatMemory;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.TokenStream;
import io.github.rwkv4j.engine.state.MemoryStateStore;
import io.github.rwkv4j.engine.state.SnapshotOptions;
import io.github.rwkv4j.engine.state.SnapshotStore;
import io.github.rwkv4j.engine.state.StateLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The window forgets, the state remembers. */
@Timeout(300)
class RecallTest {
    interface Assistant {
        String chat(@MemoryId Object user, @dev.langchain4j.service.UserMessage String message);
    }

    interface StreamingAssistant {
        TokenStream chat(@MemoryId Object user, @dev.langchain4j.service.UserMessage String message);
    }

    /** @param statement what is told, and may be asked for later */
    private record Fact(String statement, String question, String answer) {}

    private final SnapshotStore store =
            new SnapshotStore(new MemoryStateStore(StateLimits.ofBytes(1L << 28)), SnapshotOptions.DEFAULT);
    private final RwkvChatModel model = RwkvChatModel.builder()
            .engine(Demo.ENGINE)
            .defaultRequestParameters(Demo.GREEDY)
            .states(store)
            .build();

    @ParameterizedTest
    @CsvSource({"50, 8, 36", "200, 4, 6"})
    void isAsGoodThroughAWindowAsWithTheWholeHistory(int turns, int conversations, int least) throws IOException {
        List<String> smallTalk = smallTalk();
        assertThat(smallTalk).hasSizeGreaterThan(200);
        int right = 0;
        int rightReplayed = 0;
        int asked = 0;
        for (int conversation = 0; conversation < conversations; conversation++) {
            Random random = new Random(conversation);
            List<Fact> facts = facts(random);
            ChatMemory window = MessageWindowChatMemory.withMaxMessages(6);
            List<ChatMessage> everything = new ArrayList<>();
            facts.forEach(fact -> say(fact.statement(), window, everything));
            for (int turn = 0; turn < turns; turn++) {
                say(smallTalk.get(random.nextInt(smallTalk.size())), window, everything);
            }
            for (Fact fact : facts) {
                String replayed = replay(everything, fact.question());
                String answer = say(fact.question(), window, everything);
                assertThat(answer).isEqualTo(replayed);
                asked++;
                right += answer.equals(fact.answer()) ? 1 : 0;
                rightReplayed += replayed.equals(fact.answer()) ? 1 : 0;
            }
        }
        System.out.printf(
                "Facts told %d turns ago: %d of %d right through a window of 6 messages, %d with everything replayed%n",
                turns, right, asked, rightReplayed);
        assertThat(right).isEqualTo(rightReplayed).isGreaterThanOrEqualTo(least);
    }

    @Test
    void reachesThroughATokenWindow() {
        RwkvTokenCountEstimator estimator =
                RwkvTokenCountEstimator.builder().engine(Demo.ENGINE).build();
        TokenWindowChatMemory memory = TokenWindowChatMemory.withMaxTokens(40, estimator);
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(model)
                .chatMemoryProvider(_ -> memory)
                .build();

        assistant.chat(1, "My name is Clara.");
        assistant.chat(1, "What is the capital of France?");
        assistant.chat(1, "What is the capital of Norway?");

        assertThat(estimator.estimateTokenCountInMessages(memory.messages())).isBetween(1, 40);
        assertThat(memory.messages().toString()).doesNotContain("Clara");
        assertThat(assistant.chat(1, "What is my name?")).isEqualTo("Your name is Clara.");
    }

    @Test
    void isEachMemorysOwn() {
        Assistant assistant = AiServices.builder(Assistant.class)
                .chatModel(model)
                .chatMemoryProvider(_ -> MessageWindowChatMemory.withMaxMessages(4))
                .build();
        List<String> names = List.of("Clara", "Hugo", "Vera");
        for (String name : names) {
            assistant.chat(name, "My name is %s.".formatted(name));
        }
        for (int i = 0; i < 5; i++) {
            for (String name : names) {
                assistant.chat(name, "What is %d plus 4?".formatted(i));
            }
        }
        for (String name : names) {
            assertThat(assistant.chat(name, "What is my name?")).isEqualTo("Your name is %s.".formatted(name));
        }
    }

    @Test
    void worksForStreamsToo() throws Exception {
        StreamingAssistant assistant = AiServices.builder(StreamingAssistant.class)
                .streamingChatModel(RwkvStreamingChatModel.builder()
                        .engine(Demo.ENGINE)
                        .defaultRequestParameters(Demo.GREEDY)
                        .states(store)
                        .build())
                .chatMemoryProvider(_ -> MessageWindowChatMemory.withMaxMessages(2))
                .build();
        List<String> answers = new ArrayList<>();
        for (String said : List.of("My name is Clara.", "What is 3 plus 4?", "12 + 7 = ?", "What is my name?")) {
            CompletableFuture<String> answer = new CompletableFuture<>();
            assistant
                    .chat(1, said)
                    .onPartialResponse(_ -> {})
                    .onCompleteResponse(
                            response -> answer.complete(response.aiMessage().text()))
                    .onError(answer::completeExceptionally)
                    .start();
            answers.add(answer.get(60, TimeUnit.SECONDS));
        }

        assertThat(answers).last().isEqualTo("Your name is Clara.");
    }

    private String say(String text, ChatMemory window, List<ChatMessage> everything) {
        UserMessage message = UserMessage.from(text);
        window.add(message);
        AiMessage answer = model.chat(window.messages()).aiMessage();
        window.add(answer);
        everything.add(message);
        everything.add(AiMessage.from(answer.text()));
        return answer.text();
    }

    private static String replay(List<ChatMessage> everything, String question) {
        List<ChatMessage> messages = new ArrayList<>(everything);
        messages.add(UserMessage.from(question));
        return Demo.chatModel().chat(messages).aiMessage().text();
    }

    private static List<Fact> facts(Random random) {
        String name = oneOf(random, "Clara", "Hugo", "Vera", "Felix", "Rosa");
        String city = oneOf(random, "Lisbon", "Oslo", "Vienna", "Turin", "Quito");
        String pet = oneOf(random, "Leo", "Nemo", "Alma", "Dario");
        String colour = oneOf(random, "green", "purple", "orange", "gold");
        String code = String.valueOf(1000 + random.nextInt(9000));
        return List.of(
                new Fact("My name is %s.".formatted(name), "What is my name?", "Your name is %s.".formatted(name)),
                new Fact("I live in %s.".formatted(city), "Where do I live?", "You live in %s.".formatted(city)),
                new Fact(
                        "I have a dog called %s.".formatted(pet),
                        "What is my dog called?",
                        "Your dog is called %s.".formatted(pet)),
                new Fact(
                        "My favourite colour is %s.".formatted(colour),
                        "What is my favourite colour?",
                        "Your favourite colour is %s.".formatted(colour)),
                new Fact("My code is %s.".formatted(code), "What is my code?", "It is %s.".formatted(code)));
    }

    /** Questions of the model's own long conversations that are about nobody. */
    private static List<String> smallTalk() throws IOException {
        return Files.readString(Path.of("../examples/demo-model/eval/held-out.jsonl"))
                .lines()
                .filter(line -> line.contains("\"recall, 400 turns\""))
                .flatMap(line -> Pattern.compile("\"user\": \"([^\"\\\\]*\\?)\"")
                        .matcher(line)
                        .results())
                .map(result -> result.group(1))
                .filter(question -> !question.matches(".*\\b([Mm]y|I|me)\\b.*"))
                .toList();
    }

    private static String oneOf(Random random, String... options) {
        return options[random.nextInt(options.length)];
    }
}
