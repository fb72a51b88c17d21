package io.github.rwkv4j.examples.chat;

import io.github.rwkv4j.engine.ModelInfo;
import io.github.rwkv4j.engine.Rwkv;
import io.github.rwkv4j.spring.ModelSource;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** What the page says about the model. */
@RestController
class ModelController {
    private final Rwkv rwkv;
    private final ModelSource source;

    ModelController(Rwkv rwkv, ModelSource source) {
        this.rwkv = rwkv;
        this.source = source;
    }

    @GetMapping("/api/model")
    View model() {
        return new View(rwkv.info(), source.demo());
    }

    record View(ModelInfo info, boolean demo) {}
}
