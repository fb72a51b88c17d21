package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RwkvTokenCountEstimatorTest {
    private static final List<ChatMessage> MESSAGES = List.of(
            SystemMessage.from("You are a helpful assistant."),
            UserMessage.from("My name is Clara.\n\nHello!"),
            AiMessage.from("Nice to meet you, Clara."),
            UserMessage.from("What is my name?"));

    private final RwkvTokenCountEstimator estimator =
            RwkvTokenCountEstimator.builder().engine(Demo.ENGINE).build();

    @ParameterizedTest
    @EnumSource(ChatTemplate.class)
    void countsWhatTheChatModelFeeds(ChatTemplate template) {
        RwkvChatModel model = RwkvChatModel.builder()
                .engine(Demo.ENGINE)
                .template(template)
                .defaultRequestParameters(Demo.GREEDY.overrideWith(
                        RwkvChatRequestParameters.builder().maxOutputTokens(1).build()))
                .build();

        assertThat(RwkvTokenCountEstimator.builder()
                        .engine(Demo.ENGINE)
                        .template(template)
                        .build()
                        .estimateTokenCountInMessages(MESSAGES))
                .isEqualTo(model.chat(MESSAGES).tokenUsage().inputTokenCount());
    }

    @Test
    void countsTextAndSingleMessages() {
        assertThat(estimator.estimateTokenCountInText("")).isZero();
        assertThat(estimator.estimateTokenCountInText("Hello!")).isEqualTo(tokens("Hello!"));
        assertThat(estimator.estimateTokenCountInMessage(UserMessage.from("Hello!")))
                .isEqualTo(tokens("User: Hello!\n\n"));
        assertThat(estimator.estimateTokenCountInMessage(AiMessage.from("Hello!")))
                .isEqualTo(tokens("Assistant: Hello!\n\n"));
        assertThat(estimator.estimateTokenCountInMessage(SystemMessage.from("Be brief.")))
                .isEqualTo(tokens("System: Be brief.\n\n"));
    }

    @Test
    void countsMessagesThatAreNoPromptYet() {
        assertThat(estimator.estimateTokenCountInMessages(List.of())).isZero();
        assertThat(estimator.estimateTokenCountInMessages(MESSAGES.subList(0, 3)))
                .isEqualTo(tokens("System: You are a helpful assistant.\n\nUser: My name is Clara.\nHello!\n\n"
                        + "Assistant: Nice to meet you, Clara.\n\n"));
    }

    private static int tokens(String text) {
        return Demo.ENGINE.tokenizer().encode(text).length;
    }
}
