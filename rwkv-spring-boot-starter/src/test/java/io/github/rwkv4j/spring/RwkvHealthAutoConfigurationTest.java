package io.github.rwkv4j.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.rwkv4j.engine.ModelInfo;
import io.github.rwkv4j.engine.Rwkv;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Configuration;

class RwkvHealthAutoConfigurationTest {
    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(RwkvAutoConfiguration.class, RwkvHealthAutoConfiguration.class));

    @Test
    void saysWhichModelAnswersAndThatItIsADemo() {
        application.run(context -> {
            ModelInfo info = context.getBean(Rwkv.class).info();
            Health health = health(context.getBean(RwkvHealthIndicator.class));

            assertThat(health.getStatus()).isEqualTo(Status.UP);
            assertThat(health.getDetails())
                    .containsExactlyInAnyOrderEntriesOf(Map.of(
                            "model",
                            "rwkv-demo",
                            "generation",
                            "RWKV-7",
                            "weights",
                            info.weights(),
                            "implementation",
                            info.implementation(),
                            "threads",
                            info.threads(),
                            "stateBytes",
                            info.stateBytes(),
                            "demo",
                            true,
                            "hint",
                            "This is the demo model: set rwkv.model to a model file"));
        });
    }

    @Test
    void hasNoHintForAModelOfTheApplicationsChoice() {
        application
                .withPropertyValues("rwkv.model=" + RwkvAutoConfigurationTest.demoModel())
                .run(context -> assertThat(health(context.getBean(RwkvHealthIndicator.class))
                                .getDetails())
                        .containsEntry("demo", false)
                        .doesNotContainKey("hint"));
    }

    @Test
    void isDownOnceTheModelIsClosed() {
        application.run(context -> {
            context.getBean(Rwkv.class).close();

            assertThat(health(context.getBean(RwkvHealthIndicator.class)).getStatus())
                    .isEqualTo(Status.DOWN);
        });
    }

    @Test
    void canBeSwitchedOff() {
        application
                .withPropertyValues("management.health.rwkv.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(HealthIndicator.class));
    }

    @Test
    void isThereInAnApplicationWithBootsHealth() {
        new ApplicationContextRunner()
                .withUserConfiguration(Application.class)
                .run(context -> assertThat(context).hasSingleBean(RwkvHealthIndicator.class));
    }

    private static Health health(HealthIndicator indicator) {
        return Objects.requireNonNull(indicator.health());
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {}
}
