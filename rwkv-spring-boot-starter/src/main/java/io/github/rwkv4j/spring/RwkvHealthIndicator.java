package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.ModelInfo;
import io.github.rwkv4j.engine.Rwkv;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/** Up as long as the model is open; its details say which model answers. */
final class RwkvHealthIndicator extends AbstractHealthIndicator {
    private final Rwkv rwkv;
    private final boolean demo;

    RwkvHealthIndicator(Rwkv rwkv, boolean demo) {
        super("The model does not answer");
        this.rwkv = rwkv;
        this.demo = demo;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        rwkv.newSession().close(); // throws once the model is closed
        ModelInfo info = rwkv.info();
        builder.up()
                .withDetail("model", info.name())
                .withDetail("generation", info.generation())
                .withDetail("weights", info.weights())
                .withDetail("implementation", info.implementation())
                .withDetail("threads", info.threads())
                .withDetail("stateBytes", info.stateBytes())
                .withDetail("demo", demo);
        if (demo) {
            builder.withDetail("hint", "This is the demo model: set rwkv.model to a model file");
        }
    }
}
