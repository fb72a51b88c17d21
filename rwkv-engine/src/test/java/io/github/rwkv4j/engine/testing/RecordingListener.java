package io.github.rwkv4j.engine.testing;

import io.github.rwkv4j.engine.GenerationListener;
import io.github.rwkv4j.engine.GenerationResult;
import io.github.rwkv4j.engine.errors.RwkvException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** Keeps what a generation tells its listener. */
public final class RecordingListener implements GenerationListener {
    private final List<String> pieces = new CopyOnWriteArrayList<>();
    private final List<GenerationResult> results = new CopyOnWriteArrayList<>();
    private final List<RwkvException> errors = new CopyOnWriteArrayList<>();
    private final CountDownLatch piecesAwaited;
    private final CountDownLatch end = new CountDownLatch(1);

    public RecordingListener() {
        this(0);
    }

    /** @param pieces how many of them {@link #awaitPieces} waits for */
    public RecordingListener(int pieces) {
        this.piecesAwaited = new CountDownLatch(pieces);
    }

    @Override
    public void onText(String text) {
        pieces.add(text);
        piecesAwaited.countDown();
    }

    @Override
    public void onComplete(GenerationResult result) {
        results.add(result);
        end.countDown();
    }

    @Override
    public void onError(RwkvException error) {
        errors.add(error);
        end.countDown();
    }

    public void awaitPieces() throws InterruptedException {
        piecesAwaited.await();
    }

    public void awaitEnd() throws InterruptedException {
        end.await();
    }

    public List<String> pieces() {
        return List.copyOf(pieces);
    }

    public String text() {
        return String.join("", pieces);
    }

    public List<GenerationResult> results() {
        return List.copyOf(results);
    }

    public List<RwkvException> errors() {
        return List.copyOf(errors);
    }
}
