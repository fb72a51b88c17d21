package io.github.rwkv4j.spring;

import io.github.rwkv4j.demo.DemoModel;
import io.github.rwkv4j.engine.errors.ModelNotFoundException;
import io.github.rwkv4j.engine.errors.VocabularyException;
import java.nio.file.Path;
import java.util.Optional;
import org.springframework.core.io.ResourceLoader;
import org.springframework.util.ClassUtils;

/**
 * The files that the {@code Rwkv} bean is opened from.
 *
 * @param model the model file
 * @param vocabulary the vocabulary file, where {@code rwkv.vocabulary} names one
 * @param demo whether this is the demo model, chosen because {@code rwkv.model} is absent
 */
public record ModelSource(Path model, Optional<Path> vocabulary, boolean demo) {

    static ModelSource of(RwkvProperties properties, ResourceLoader resources) {
        Optional<Path> vocabulary = Optional.ofNullable(properties.vocabulary())
                .map(location -> new FileLocation("rwkv.vocabulary", location))
                .map(location -> location.resolve(resources, VocabularyException::new));
        String model = properties.model();
        if (model == null) {
            return new ModelSource(demoModel(properties.demo(), resources), vocabulary, true);
        }
        Path file = new FileLocation("rwkv.model", model).resolve(resources, ModelNotFoundException::new);
        return new ModelSource(file, vocabulary, false);
    }

    private static Path demoModel(RwkvProperties.Demo demo, ResourceLoader resources) {
        if (!demo.enabled()) {
            throw new ModelNotFoundException(
                    "There is no model to open: rwkv.model is not set, and rwkv.demo.enabled is false");
        }
        if (!ClassUtils.isPresent("io.github.rwkv4j.demo.DemoModel", resources.getClassLoader())) {
            throw new ModelNotFoundException("There is no model to open: rwkv.model is not set, and the demo model"
                    + " (artifact rwkv-demo-model) is not on the class path");
        }
        return DemoModel.extract();
    }
}
