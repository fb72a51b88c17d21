package io.github.rwkv4j.langchain4j;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.github.rwkv4j.engine.Rwkv;
import java.util.List;

/** LangChain4j's conformance suite for listeners. */
class RwkvStreamingChatModelListenerIT extends AbstractStreamingChatModelListenerIT {
    @Override
    protected StreamingChatModel createModel(ChatModelListener listener) {
        return createModel(Demo.ENGINE, listener);
    }

    @Override
    protected StreamingChatModel createFailingModel(ChatModelListener listener) {
        Rwkv engine = Rwkv.open(Demo.MODEL);
        StreamingChatModel model = createModel(engine, listener);
        engine.close();
        return model;
    }

    private StreamingChatModel createModel(Rwkv engine, ChatModelListener listener) {
        return RwkvStreamingChatModel.builder()
                .engine(engine)
                .defaultRequestParameters(ChatRequestParameters.builder()
                        .temperature(temperature())
                        .topP(topP())
                        .maxOutputTokens(maxTokens())
                        .build())
                .listeners(List.of(listener))
                .build();
    }

    @Override
    protected String modelName() {
        return Demo.ENGINE.info().name();
    }

    @Override
    protected boolean supportsTools() {
        return false;
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
        return NonRetriableException.class;
    }
}
