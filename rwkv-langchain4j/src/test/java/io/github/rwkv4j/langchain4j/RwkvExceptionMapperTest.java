package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.RetriableException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.errors.OverloadedException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.errors.VocabularyException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class RwkvExceptionMapperTest {
    static Stream<Arguments> engineErrors() {
        return Stream.of(
                Arguments.of(
                        new InvalidRequestException("bad"), dev.langchain4j.exception.InvalidRequestException.class),
                Arguments.of(
                        new ModelNotFoundException("gone"), dev.langchain4j.exception.ModelNotFoundException.class),
                Arguments.of(new OverloadedException("full"), RateLimitException.class),
                Arguments.of(new ClosedException("closed"), NonRetriableException.class),
                Arguments.of(new CheckpointException("torn"), NonRetriableException.class),
                Arguments.of(new VocabularyException("wrong"), NonRetriableException.class),
                Arguments.of(new RwkvException("broken"), InternalServerException.class));
    }

    @ParameterizedTest
    @MethodSource("engineErrors")
    void keepsMessageAndCause(RwkvException error, Class<? extends Exception> type) {
        assertThat(RwkvExceptionMapper.INSTANCE.mapException(error))
                .isExactlyInstanceOf(type)
                .hasMessage(error.getMessage())
                .hasCause(error);
    }

    @Test
    void callsRetriableWhatMaySucceedLater() {
        assertThat(RwkvExceptionMapper.INSTANCE.mapException(new OverloadedException("full")))
                .isInstanceOf(RetriableException.class);
        assertThat(RwkvExceptionMapper.INSTANCE.mapException(new ClosedException("closed")))
                .isNotInstanceOf(RetriableException.class);
    }

    @Test
    void leavesLangChain4jsOwnErrorsAsTheyAre() {
        UnsupportedFeatureException error = new UnsupportedFeatureException("no");

        assertThat(RwkvExceptionMapper.INSTANCE.mapException(error)).isSameAs(error);
    }
}
