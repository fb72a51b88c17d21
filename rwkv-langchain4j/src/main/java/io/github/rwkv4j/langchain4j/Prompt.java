package io.github.rwkv4j.langchain4j;

import static java.util.stream.Collectors.joining;

import java.util.List;
import java.util.Optional;

/**
 * A conversation as text, in the parts that are tokenised each by itself, so that what has been said is a prefix of all
 * that follows in tokens too.
 *
 * @param system the turn of the system messages; empty where there are none
 * @param turns one for each other message, as later turns will see it
 * @param question how the conversation goes on to an answer; none where it is only told
 */
record Prompt(String system, List<Turn> turns, Optional<Question> question) {
    /**
     * @param label the role label of an answer, which a model is given while it has to write the rest; empty in other turns
     * @param rest all else, with the blank line that ends the turn
     */
    record Turn(String label, String rest) {
        String text() {
            return label + rest;
        }
    }

    /**
     * What the model is given for this answer only.
     *
     * @param lastTurn the last turn, with the wish to think if there is one
     * @param label the open role label of the answer
     * @param opening the open tag of the answer's thinking part; empty for none
     */
    record Question(Turn lastTurn, String label, String opening) {}

    /** All of it. */
    String text() {
        return system
                + turns.stream()
                        .limit(turns.size() - (question.isPresent() ? 1 : 0))
                        .map(Turn::text)
                        .collect(joining())
                + question.map(open -> open.lastTurn().text() + open.label() + open.opening())
                        .orElse("");
    }
}
