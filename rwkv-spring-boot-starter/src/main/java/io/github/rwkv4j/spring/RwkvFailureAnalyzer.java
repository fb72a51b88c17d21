package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.errors.StateStoreException;
import io.github.rwkv4j.engine.errors.VocabularyException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;

/** Says in words why an application can't start with its model, and what to change. */
@Order(Ordered.HIGHEST_PRECEDENCE) // before the analyzer of binding errors, which would show only their wrapping
final class RwkvFailureAnalyzer extends AbstractFailureAnalyzer<RwkvException> {
    private final Environment environment;

    RwkvFailureAnalyzer(Environment environment) {
        this.environment = environment;
    }

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, RwkvException cause) {
        return switch (cause) {
            case InvalidPropertyException e ->
                analysis(e, "Change %s%s.".formatted(e.property(), origin(e.property())));
            case ModelNotFoundException e -> analysis(e, """
                    Set rwkv.model%s to a model file, such as

                        rwkv.model=/models/rwkv7-g1.safetensors

                    or remove it and have rwkv-demo-model on the class path and rwkv.demo.enabled=true, to start \
                    with the demo model.""".formatted(origin("rwkv.model")));
            case CheckpointException e ->
                analysis(
                        e,
                        "Download the model again, or set rwkv.model%s to a .safetensors, .pth, .gguf or .bin file of an RWKV"
                                        .formatted(origin("rwkv.model"))
                                + " model.");
            case VocabularyException e ->
                analysis(
                        e,
                        "Set rwkv.vocabulary%s to the vocabulary file that belongs to the model."
                                .formatted(origin("rwkv.vocabulary")));
            case StateStoreException e ->
                analysis(
                        e,
                        ("Check that the store of states can be reached and lets the application write, or set"
                                        + " rwkv.state.store%s to another: memory, disk, jdbc, redis, or none.")
                                .formatted(origin("rwkv.state.store")));
            default -> null;
        };
    }

    private static FailureAnalysis analysis(RwkvException cause, String action) {
        String message = String.valueOf(cause.getMessage());
        return new FailureAnalysis(message.endsWith(".") ? message : message + ".", action, cause);
    }

    /** Where the property was set, such as {@code  (class path resource [application.properties] - 1:12)}. */
    private String origin(String property) {
        ConfigurationPropertyName name = ConfigurationPropertyName.of(property);
        for (ConfigurationPropertySource source : ConfigurationPropertySources.get(environment)) {
            var found = source.getConfigurationProperty(name);
            if (found != null) {
                return found.getOrigin() == null ? "" : " (set in %s)".formatted(found.getOrigin());
            }
        }
        return "";
    }
}
