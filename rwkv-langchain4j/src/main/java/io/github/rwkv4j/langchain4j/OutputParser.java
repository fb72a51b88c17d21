package io.github.rwkv4j.langchain4j;

/**
 * Splits a model's output into thinking and answer while it arrives: everything up to the first {@code </think>} is
 * thinking, where the prompt opened it. Both parts lose the whitespace around them, so what may yet turn out to be
 * their end, like what may yet become the tag, is held back. What the sink is given adds up to {@link #thinking()} and
 * {@link #answer()}.
 */
final class OutputParser {
    static final String END_OF_THINKING = "</think>";

    /** Receives non-empty pieces of text in their order. */
    interface Sink {
        /** For a caller who takes the two parts at the end. */
        Sink NONE = new Sink() {
            @Override
            public void thinking(String text) {}

            @Override
            public void answer(String text) {}
        };

        void thinking(String text);

        void answer(String text);
    }

    private final Sink sink;
    private final StringBuilder thinking = new StringBuilder();
    private final StringBuilder answer = new StringBuilder();
    private final StringBuilder held = new StringBuilder();
    private boolean tagIsOpen;
    private boolean inThinking;

    OutputParser(Thinking mode, Sink sink) {
        this.tagIsOpen = !mode.opening().isEmpty();
        this.inThinking = mode.isOpen();
        this.sink = sink;
    }

    /** The answer in a text that may have a thinking part before it. */
    static String answer(String text) {
        int tag = text.lastIndexOf(END_OF_THINKING);
        return tag < 0 ? text : text.substring(tag + END_OF_THINKING.length());
    }

    void accept(String text) {
        held.append(text);
        if (tagIsOpen && !held.isEmpty()) {
            tagIsOpen = false;
            if (held.charAt(0) == '>') {
                held.deleteCharAt(0);
            }
        }
        if (inThinking) {
            int tag = held.indexOf(END_OF_THINKING);
            if (tag < 0) {
                emit(held.length() - lengthOfTagBegun());
                return;
            }
            emit(tag);
            held.delete(0, held.indexOf(END_OF_THINKING) + END_OF_THINKING.length());
            inThinking = false;
        }
        emit(held.length());
    }

    /** No more text comes: what was held back because it might have become the tag is thinking after all. */
    void finish() {
        emit(held.length());
    }

    String thinking() {
        return thinking.toString();
    }

    String answer() {
        return answer.toString();
    }

    /** Emits what is held up to {@code limit}, but for the whitespace at its end. */
    private void emit(int limit) {
        StringBuilder part = inThinking ? thinking : answer;
        int start = 0;
        while (part.isEmpty() && start < limit && Character.isWhitespace(held.charAt(start))) {
            start++;
        }
        int end = limit;
        while (end > start && Character.isWhitespace(held.charAt(end - 1))) {
            end--;
        }
        String text = held.substring(start, end);
        held.delete(0, end);
        if (text.isEmpty()) {
            return;
        }
        part.append(text);
        if (inThinking) {
            sink.thinking(text);
        } else {
            sink.answer(text);
        }
    }

    private int lengthOfTagBegun() {
        for (int length = Math.min(END_OF_THINKING.length() - 1, held.length()); length > 0; length--) {
            if (END_OF_THINKING.startsWith(held.substring(held.length() - length))) {
                return length;
            }
        }
        return 0;
    }
}
