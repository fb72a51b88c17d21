package io.github.rwkv4j.engine.tokenizer;

import java.util.List;
import java.util.Optional;

/**
 * Finds stop sequences in a text that arrives in pieces, wherever the cuts fall. What may still become a stop sequence
 * is held back. The match that starts first wins; of those that start together, the shortest. Not thread-safe.
 */
public final class StopSequences {
    private final List<String> stops;

    /** What must come before stop sequences count; empty once it came. */
    private String marker;

    /** The last characters before the marker, too few to hold it. */
    private String beforeMarker = "";

    private String heldBack = "";
    private boolean stopped;

    /**
     * @param stops the stop sequences, none empty
     * @param stopsAfter where present, stop sequences count only from the end of its first occurrence
     */
    public StopSequences(List<String> stops, Optional<String> stopsAfter) {
        this.stops = List.copyOf(stops);
        this.marker = stopsAfter.orElse("");
    }

    /** Takes the next piece of text; returns what is certain to come before any stop sequence. Empty after a stop. */
    public String append(String text) {
        if (stopped) {
            return "";
        }
        if (marker.isEmpty()) {
            heldBack += text;
            return release(false);
        }
        String recent = beforeMarker + text;
        int found = recent.indexOf(marker);
        if (found < 0) {
            beforeMarker = recent.substring(Math.max(0, recent.length() - marker.length() + 1));
            return text;
        }
        int end = found + marker.length() - beforeMarker.length();
        marker = "";
        return text.substring(0, end) + append(text.substring(end));
    }

    /** The text has ended: what was held back, up to a stop sequence in it. */
    public String finish() {
        return stopped ? "" : release(true);
    }

    /** Whether a stop sequence came; it and everything after it is dropped. */
    public boolean stopped() {
        return stopped;
    }

    private String release(boolean end) {
        int start = 0;
        while (start < heldBack.length() && !stopsAt(start) && (end || !mayStopAt(start))) {
            start++;
        }
        stopped = start < heldBack.length() && stopsAt(start);
        String released = heldBack.substring(0, start);
        heldBack = stopped ? "" : heldBack.substring(start);
        return released;
    }

    private boolean stopsAt(int start) {
        for (String stop : stops) {
            if (heldBack.startsWith(stop, start)) {
                return true;
            }
        }
        return false;
    }

    /** Whether everything from {@code start} on is the beginning of a stop sequence. */
    private boolean mayStopAt(int start) {
        int length = heldBack.length() - start;
        for (String stop : stops) {
            if (stop.regionMatches(0, heldBack, start, length)) {
                return true;
            }
        }
        return false;
    }
}
