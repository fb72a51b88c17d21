package io.github.rwkv4j.langchain4j;

import static java.util.stream.Collectors.joining;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.Utils;
import io.github.rwkv4j.engine.ModelInfo;
import io.github.rwkv4j.engine.sampling.Sampling;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a conversation becomes the text that a line of models was trained on (spec: sampling and chat, prompt formats).
 *
 * <p>A blank line ends a turn, so messages can't contain one: {@link #normalise}. System messages come first, joined
 * with a line feed where there are several. Of an answer in the history the thinking part is left out. A prompt ends
 * with the open role label and never with a space, because tokens carry their leading space.
 */
public enum ChatTemplate {
    /** {@code User: …}, {@code Assistant: …}: World models of generations 5 to 7. */
    WORLD("System", "User", "Assistant", false, chat(1.0, 0.3, 0.5)),
    /** As {@link #WORLD}, for the reasoning models G1 and newer. */
    G1("System", "User", "Assistant", true, chat(1.0, 0.3, 0.5)),
    /** {@code Question: …}, {@code Answer: …}: World models of generation 4. A system message is an opening paragraph. */
    QUESTION_ANSWER("", "Question", "Answer", false, chat(1.0, 0.3, 0.5)),
    /** {@code Bob: …}, {@code Alice: …}: Raven. A system message is the paragraph that describes the two. */
    RAVEN("", "Bob", "Alice", false, chat(1.2, 0.5, 0.4));

    /** A blank line, which the models learnt to end their turns with. */
    static final String END_OF_TURN = "\n\n";

    private static final Pattern G1_NAME = Pattern.compile("(?i)(?<![a-z0-9])g1");
    private static final Pattern RAVEN_NAME = Pattern.compile("(?i)raven");
    private static final Pattern EARLY_GENERATION = Pattern.compile("RWKV-[1-4]");
    private static final Pattern BLANK_LINES = Pattern.compile("\n{2,}");

    private final String system;
    private final String user;
    private final String assistant;
    private final boolean reasoning;
    private final Sampling sampling;

    ChatTemplate(String system, String user, String assistant, boolean reasoning, Sampling sampling) {
        this.system = system;
        this.user = user;
        this.assistant = assistant;
        this.reasoning = reasoning;
        this.sampling = sampling;
    }

    private static Sampling chat(double temperature, double topP, double penalties) {
        return Sampling.builder()
                .temperature(temperature)
                .topP(topP)
                .presencePenalty(penalties)
                .frequencyPenalty(penalties)
                .build();
    }

    /**
     * The template of an opened model: {@link #RAVEN} or {@link #G1} where its name says so, else by its generation
     * {@link #QUESTION_ANSWER} up to RWKV-4 and {@link #WORLD} from RWKV-5 on.
     */
    public static ChatTemplate ofModel(ModelInfo model) {
        if (RAVEN_NAME.matcher(model.name()).find()) {
            return RAVEN;
        }
        if (EARLY_GENERATION.matcher(model.generation()).matches()) {
            return QUESTION_ANSWER;
        }
        return G1_NAME.matcher(model.name()).find() ? G1 : WORLD;
    }

    /** The sampling that the official chat of this line of models uses. */
    public Sampling sampling() {
        return sampling;
    }

    /** Whether the template shipped with these models begins with an end of text (id 0). */
    public boolean beginsWithEndOfText() {
        return reasoning;
    }

    /**
     * The text that {@code messages} are answered from.
     *
     * @throws UnsupportedFeatureException if a message has something other than text, or these models don't think
     * @throws InvalidRequestException if the last message is not a user message
     */
    public String prompt(List<ChatMessage> messages, Thinking thinking) {
        return question(messages, thinking).text();
    }

    /** As {@link #prompt}, in parts. */
    Prompt question(List<ChatMessage> messages, Thinking thinking) {
        if (thinking != Thinking.OFF && !reasoning) {
            throw new UnsupportedFeatureException(
                    "'thinking' %s is not supported by the template %s: use a reasoning model, with the template G1"
                            .formatted(thinking, this));
        }
        Prompt told = story(messages);
        if (!(messages.getLast() instanceof UserMessage asked)) {
            throw new InvalidRequestException(
                    "The last message is of type %s but must be of type USER, for the model to answer it"
                            .formatted(messages.getLast().type()));
        }
        Prompt.Turn lastTurn = turn(user, normalise(normalise(text(asked)) + thinking.wish()));
        return new Prompt(
                told.system(),
                told.turns(),
                Optional.of(new Prompt.Question(lastTurn, assistant + ":", thinking.opening())));
    }

    /**
     * The text of {@code messages}, each with the blank line that ends it.
     *
     * @throws UnsupportedFeatureException if a message has something other than text
     */
    public String conversation(List<ChatMessage> messages) {
        return story(messages).text();
    }

    /** As {@link #conversation}, in parts. */
    Prompt story(List<ChatMessage> messages) {
        String instructions = messages.stream()
                .filter(SystemMessage.class::isInstance)
                .map(message -> normalise(((SystemMessage) message).text()))
                .collect(joining("\n"));
        List<Prompt.Turn> turns = messages.stream()
                .filter(message -> !(message instanceof SystemMessage))
                .map(this::turn)
                .toList();
        return new Prompt(
                instructions.isEmpty() ? "" : turn(system, instructions).text(), turns, Optional.empty());
    }

    /** Line feeds only, no space around, and no blank line, which would end the turn. */
    public static String normalise(String text) {
        return BLANK_LINES.matcher(text.replace("\r\n", "\n").strip()).replaceAll("\n");
    }

    private Prompt.Turn turn(ChatMessage message) {
        return switch (message) {
            case UserMessage userMessage -> turn(user, normalise(text(userMessage)));
            case AiMessage aiMessage
            when !aiMessage.hasToolExecutionRequests() -> answer(Utils.getOrDefault(aiMessage.text(), ""));
            default ->
                throw new UnsupportedFeatureException(
                        "A message of type %s is not supported here: tools and custom messages have no form in a prompt"
                                .formatted(message.type()));
        };
    }

    /** An answer as later turns will see it, in two parts: the model is given the label and writes the rest. */
    Prompt.Turn answer(String text) {
        String kept = normalise(OutputParser.answer(text));
        return new Prompt.Turn(assistant + ":", (kept.isEmpty() ? "" : " " + kept) + END_OF_TURN);
    }

    private static Prompt.Turn turn(String label, String text) {
        String separator = text.isEmpty() ? ":" : ": ";
        return new Prompt.Turn("", (label.isEmpty() ? text : label + separator + text) + END_OF_TURN);
    }

    private static String text(UserMessage message) {
        return message.contents().stream()
                .map(content -> switch (content) {
                    case TextContent textContent -> textContent.text();
                    default ->
                        throw new UnsupportedFeatureException(
                                "Content of type %s is not supported: RWKV models read text"
                                        .formatted(content.type().toString().toLowerCase(Locale.ROOT)));
                })
                .collect(joining("\n"));
    }
}
