package io.github.rwkv4j.examples.chat;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Chat with a model at http://localhost:8080, or point an OpenAI client at http://localhost:8080/v1. */
@SpringBootApplication
public class ChatApplication {
    public static void main(String[] arguments) {
        SpringApplication.run(ChatApplication.class, arguments);
    }
}
