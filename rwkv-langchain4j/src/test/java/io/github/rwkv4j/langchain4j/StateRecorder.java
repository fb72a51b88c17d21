package io.github.rwkv4j.langchain4j;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Remembers what states were found, missed and saved. */
final class StateRecorder implements StateListener {
    private final List<String> events = new ArrayList<>();

    @Override
    public synchronized void onHit(Source source, int tokens, Duration loading) {
        events.add("hit by " + source + ", " + tokens + " tokens");
    }

    @Override
    public synchronized void onMiss(MissReason reason) {
        events.add("miss: " + reason);
    }

    @Override
    public synchronized void onSave(long bytes, Duration saving) {
        events.add("saved");
    }

    @Override
    public synchronized void onSaveFailed(RuntimeException error) {
        events.add("not saved: " + error.getMessage());
    }

    /** What happened since the last call. */
    synchronized List<String> take() {
        List<String> taken = List.copyOf(events);
        events.clear();
        return taken;
    }
}
