package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RwkvChatRequestParametersTest {
    private static final RwkvChatRequestParameters DEFAULTS = RwkvChatRequestParameters.builder()
            .temperature(1.0)
            .maxOutputTokens(100)
            .seed(1L)
            .penaltyDecay(0.9)
            .thinking(Thinking.ON)
            .tokenBias(Map.of(7, -1f))
            .build();

    @Test
    void keepsWhatIsNotOverridden() {
        assertThat(DEFAULTS.overrideWith(RwkvChatRequestParameters.builder().build()))
                .isEqualTo(DEFAULTS)
                .hasSameHashCodeAs(DEFAULTS);
        assertThat(DEFAULTS.overrideWith(
                        ChatRequestParameters.builder().temperature(1.0).build()))
                .isEqualTo(DEFAULTS);
    }

    @Test
    void takesWhatIsOverridden() {
        RwkvChatRequestParameters merged = DEFAULTS.overrideWith(RwkvChatRequestParameters.builder()
                .temperature(0.5)
                .seed(2L)
                .penaltyDecay(0.8)
                .thinking(Thinking.OFF)
                .tokenBias(Map.of(8, 1f))
                .build());

        assertThat(merged)
                .isEqualTo(RwkvChatRequestParameters.builder()
                        .temperature(0.5)
                        .maxOutputTokens(100)
                        .seed(2L)
                        .penaltyDecay(0.8)
                        .thinking(Thinking.OFF)
                        .tokenBias(Map.of(8, 1f))
                        .build());
    }

    @Test
    void takesLangChain4jsOwnParametersAsDefaultsAndAsOverrides() {
        ChatRequestParameters common = ChatRequestParameters.builder()
                .maxOutputTokens(5)
                .topK(3)
                .stopSequences("x")
                .build();

        RwkvChatRequestParameters overridden = DEFAULTS.overrideWith(common);
        RwkvChatRequestParameters defaulted = DEFAULTS.defaultedBy(common);

        assertThat(overridden.maxOutputTokens()).isEqualTo(5);
        assertThat(defaulted.maxOutputTokens()).isEqualTo(100);
        for (RwkvChatRequestParameters parameters : new RwkvChatRequestParameters[] {overridden, defaulted}) {
            assertThat(parameters.topK()).isEqualTo(3);
            assertThat(parameters.stopSequences()).containsExactly("x");
            assertThat(parameters.seed()).isEqualTo(1L);
            assertThat(parameters.thinking()).isEqualTo(Thinking.ON);
        }
    }

    @Test
    void differsFromOthersInEachOfItsOwn() {
        RwkvChatRequestParameters empty = RwkvChatRequestParameters.builder().build();

        assertThat(RwkvChatRequestParameters.builder().seed(1L).build()).isNotEqualTo(empty);
        assertThat(RwkvChatRequestParameters.builder().penaltyDecay(0.9).build())
                .isNotEqualTo(empty);
        assertThat(RwkvChatRequestParameters.builder().thinking(Thinking.OFF).build())
                .isNotEqualTo(empty);
        assertThat(RwkvChatRequestParameters.builder().tokenBias(Map.of(7, 1f)).build())
                .isNotEqualTo(empty);
        assertThat(DEFAULTS.toString()).contains("seed=1", "penaltyDecay=0.9", "thinking=ON", "tokenBias={7=-1.0}");
    }
}
