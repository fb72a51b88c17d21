package io.github.rwkv4j.langchain4j;

/**
 * Whether, and how long, a reasoning model thinks before it answers (spec: sampling and chat, reasoning models). The
 * lengths are for models of September 2025 and later; they are appended to the last user message in parentheses, as
 * the newest template has them.
 */
public enum Thinking {
    /** The answer follows the role label at once. */
    OFF("", ""),
    /** An empty thinking part is put before the answer: no thinking, but the style of the reasoning mode. */
    SKIPPED("", " <think>\n</think"),
    /** The model thinks as long as it likes. */
    ON("", " <think"),
    /** The model is asked to think a bit. */
    SHORT(" (think a bit)", " <think"),
    /** The model is asked to think. */
    MEDIUM(" (think)", " <think"),
    /** The model is asked to think a lot. */
    LONG(" (think a lot)", " <think");

    private final String wish;
    private final String opening;

    Thinking(String wish, String opening) {
        this.wish = wish;
        this.opening = opening;
    }

    /** What the last user message ends with. */
    String wish() {
        return wish;
    }

    /** What stands after the open label; a tag lacks its {@code >}, which the tokenizer may join to what follows. */
    String opening() {
        return opening;
    }

    /** Whether the output begins inside the thinking part. */
    boolean isOpen() {
        return this != OFF && this != SKIPPED;
    }
}
