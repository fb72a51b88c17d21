package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import io.github.rwkv4j.demo.DemoModel;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.engine.sampling.Sampling;
import io.github.rwkv4j.langchain4j.RwkvChatModel;
import io.github.rwkv4j.langchain4j.RwkvChatRequestParameters;
import io.github.rwkv4j.spring.state.RealServer;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two processes of an application behind one store continue each other's conversations, and go on without the store. */
@Timeout(300)
class ReplicasIT {
    private static final List<String> QUESTIONS = List.of(
            "My name is Ada.",
            "What is 12 plus 15?",
            "What is my name?",
            "What is the capital of Norway?",
            "What is 3 plus 4?",
            "What is my name?");

    private final List<ChatMessage> conversation = new ArrayList<>();

    @Test
    void shareAPostgresqlDatabase() throws Exception {
        try (RealServer server = RealServer.postgresql()) {
            converse(server, "--rwkv.state.store=jdbc", "--spring.datasource.url=" + server.jdbcUrl());
        }
    }

    @Test
    void shareARedisServer() throws Exception {
        try (RealServer server = RealServer.redis()) {
            converse(server, "--rwkv.state.store=redis", "--spring.data.redis.port=" + server.port());
        }
    }

    private void converse(RealServer server, String... store) throws Exception {
        String[] properties = Stream.concat(
                        Stream.of(store), Stream.of("--rwkv.state.timeout=1s", "--rwkv.state.retry-after=200ms"))
                .toArray(String[]::new);
        try (Rwkv rwkv = Rwkv.open(DemoModel.extract());
                Replica one = new Replica(properties);
                Replica other = new Replica(properties)) {
            ChatModel replaying = replaying(rwkv);
            conversation.add(SystemMessage.from("You are a helpful assistant."));
            assertThat(turn(one, replaying, QUESTIONS.getFirst())).isZero();
            int before = 0;
            for (int i = 1; i < QUESTIONS.size(); i++) {
                int cached = turn(i % 2 == 0 ? one : other, replaying, QUESTIONS.get(i));
                assertThat(cached).as("turn %d", i).isGreaterThan(before);
                before = cached;
            }

            one.kill();
            assertThat(turn(other, replaying, "What is 5 plus 6?")).isGreaterThan(before);

            server.kill();
            assertThat(turn(other, replaying, "What is my name?")).isZero();
            assertThat(turn(other, replaying, "What is 1 plus 2?")).isZero();
            server.start();
            turnsUntilOneIsSaved(other, replaying);
            assertThat(turn(other, replaying, "What is my name?")).isGreaterThan(before);
        }
    }

    /** The store is asked again after a pause, and has what the turn before it saved. */
    private void turnsUntilOneIsSaved(Replica replica, ChatModel replaying) throws Exception {
        Instant end = Instant.now().plusSeconds(60);
        while (turn(replica, replaying, "What is 2 plus 2?") == 0) {
            assertThat(Instant.now()).isBefore(end);
            Thread.sleep(200);
        }
    }

    /** One more turn, whose answer must be that of a model that reads everything; returns the tokens a state saved. */
    private int turn(Replica replica, ChatModel replaying, String question) throws IOException {
        conversation.add(UserMessage.from(question));
        Replica.Reply reply = replica.ask(conversation);
        assertThat(((AiMessage) reply.message()).text())
                .isEqualTo(replaying.chat(conversation).aiMessage().text());
        conversation.add(reply.message());
        return reply.cached();
    }

    private static ChatModel replaying(Rwkv rwkv) {
        return RwkvChatModel.builder()
                .engine(rwkv)
                .defaultRequestParameters(RwkvChatRequestParameters.builder()
                        .temperature(Sampling.GREEDY.temperature())
                        .presencePenalty(0.0)
                        .frequencyPenalty(0.0)
                        .build())
                .build();
    }
}
