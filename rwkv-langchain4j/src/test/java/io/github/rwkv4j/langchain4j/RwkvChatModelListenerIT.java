package io.github.rwkv4j.langchain4j;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.github.rwkv4j.engine.Rwkv;
import java.util.List;

/** LangChain4j's conformance suite for listeners. */
class RwkvChatModelListenerIT extends AbstractChatModelListenerIT {
    @Override
    protected ChatModel createModel(ChatModelListener listener) {
        return createModel(Demo.ENGINE, listener);
    }

    @Override
    protected ChatModel createFailingModel(ChatModelListener listener) {
        Rwkv engine = Rwkv.open(Demo.MODEL);
        ChatModel model = createModel(engine, listener);
        engine.close();
        return model;
    }

    private ChatModel createModel(Rwkv engine, ChatModelListener listener) {
        return RwkvChatModel.builder()
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
