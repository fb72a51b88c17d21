package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.errors.RwkvException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * The way of one generation's text to its listener: a bounded queue, emptied by a virtual thread. While the queue is
 * full its generation pauses, and nobody else's.
 */
final class Delivery implements Generation {
    private static final int CAPACITY = 256;

    /** Pieces of text that one step may add: what was held back, what was new, what is left at the end. */
    private static final int PIECES_IN_STEP = 4;

    private sealed interface Event {}

    private record Text(String text) implements Event {}

    private sealed interface End extends Event {}

    private record Completed(GenerationResult result) implements End {}

    private record Failed(RwkvException error) implements End {}

    private final Optional<GenerationListener> listener;
    private final BlockingQueue<Event> events = new ArrayBlockingQueue<>(CAPACITY);
    private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
    private final Runnable cancel;
    private final Runnable roomAgain;

    /** Whether somebody found too little room and has to be told when there is more. */
    private volatile boolean roomWanted;

    /**
     * @param listener none where only the result matters
     * @param cancel ends the generation at the next step
     * @param roomAgain tells the scheduler that the queue is no longer full
     */
    Delivery(Optional<GenerationListener> listener, Runnable cancel, Runnable roomAgain) {
        this.listener = listener;
        this.cancel = cancel;
        this.roomAgain = roomAgain;
    }

    /** Starts the listener's thread. */
    void start() {
        listener.ifPresent(present -> Thread.ofVirtual().name("rwkv-listener").start(() -> deliver(present)));
    }

    boolean hasRoom() {
        if (fitsStep()) {
            return true;
        }
        roomWanted = true;
        // The listener may have made room before it could see that it is wanted.
        return fitsStep();
    }

    private boolean fitsStep() {
        return events.remainingCapacity() >= PIECES_IN_STEP;
    }

    void text(String text) {
        if (listener.isPresent()) {
            events.add(new Text(text));
        }
    }

    void complete(GenerationResult end) {
        if (listener.isPresent()) {
            events.add(new Completed(end));
        } else {
            result.complete(end);
        }
    }

    void fail(RwkvException error) {
        if (listener.isPresent()) {
            events.add(new Failed(error));
        } else {
            result.completeExceptionally(error);
        }
    }

    private void deliver(GenerationListener target) {
        Optional<RwkvException> thrown = Optional.empty();
        while (true) {
            switch (take()) {
                case Text(String text) -> {
                    // After an exception what still comes is dropped, until the generation has seen its cancel.
                    if (thrown.isEmpty()) {
                        thrown = tryText(target, text);
                    }
                }
                case End received -> {
                    End end = thrown.<End>map(Failed::new).orElse(received);
                    try {
                        tell(target, end);
                    } finally {
                        finish(end);
                    }
                    return;
                }
            }
        }
    }

    private Optional<RwkvException> tryText(GenerationListener target, String text) {
        try {
            target.onText(text);
            return Optional.empty();
        } catch (Throwable t) {
            cancel.run();
            return Optional.of(new RwkvException("The listener of a generation threw " + t, t));
        }
    }

    private static void tell(GenerationListener target, End end) {
        switch (end) {
            case Completed(GenerationResult done) -> target.onComplete(done);
            case Failed(RwkvException error) -> target.onError(error);
        }
    }

    private void finish(End end) {
        switch (end) {
            case Completed(GenerationResult done) -> result.complete(done);
            case Failed(RwkvException error) -> result.completeExceptionally(error);
        }
    }

    private Event take() {
        while (true) {
            try {
                Event event = events.take();
                if (roomWanted && fitsStep()) {
                    roomWanted = false;
                    roomAgain.run();
                }
                return event;
            } catch (InterruptedException e) {
                // The thread is this class's own; a callback that interrupts it must not lose the end.
            }
        }
    }

    @Override
    public void cancel() {
        cancel.run();
    }

    @Override
    public GenerationResult await() throws InterruptedException {
        try {
            return result.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RwkvException cause) {
                throw cause;
            }
            throw new RwkvException("The generation failed", e);
        }
    }
}
