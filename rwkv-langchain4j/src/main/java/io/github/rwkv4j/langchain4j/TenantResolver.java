package io.github.rwkv4j.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequest;

/** Says whose a request is. Tenants never see each other's states, and each has a quota and an encryption of its own. */
@FunctionalInterface
public interface TenantResolver {
    /** The tenant of who has only one. */
    String DEFAULT_TENANT = "default";

    /** The tenant of a request that names none in its {@link RwkvChatRequestParameters#tenant()}. */
    String tenant(ChatRequest request);
}
