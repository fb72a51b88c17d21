package io.github.rwkv4j.langchain4j;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.internal.ExceptionMapper;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.engine.errors.OverloadedException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.errors.VocabularyException;

/**
 * What the engine's exceptions are to LangChain4j; the original is the cause. Retriable are those after which the same
 * request may succeed: a full queue, and a failure inside the engine. A closed model stays closed.
 */
final class RwkvExceptionMapper implements ExceptionMapper {
    static final RwkvExceptionMapper INSTANCE = new RwkvExceptionMapper();

    private RwkvExceptionMapper() {}

    @Override
    public RuntimeException mapException(Throwable error) {
        return switch (error) {
            case io.github.rwkv4j.engine.errors.InvalidRequestException e -> new InvalidRequestException(e);
            case OverloadedException e -> new RateLimitException(e);
            case io.github.rwkv4j.engine.errors.ModelNotFoundException e -> new ModelNotFoundException(e);
            case ClosedException e -> new NonRetriableException(e);
            case CheckpointException e -> new NonRetriableException(e);
            case SnapshotException e -> new InvalidRequestException(e);
            case VocabularyException e -> new NonRetriableException(e);
            case RwkvException e -> new InternalServerException(e);
            default -> ExceptionMapper.DEFAULT.mapException(error);
        };
    }
}
