package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.Batch;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.sampling.Sampler;
import io.github.rwkv4j.engine.sampling.SamplingVocabulary;
import io.github.rwkv4j.engine.tokenizer.StopSequences;
import io.github.rwkv4j.engine.tokenizer.StreamingDecoder;
import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** Feeds a prompt, then draws tokens until a stop sequence, the end of the text or the maximum. */
final class GenerationJob extends Job {
    private final long room;
    private final GenerationRequest request;
    private final Tokenizer tokenizer;
    private final Sampler sampler;
    private final StreamingDecoder decoder;
    private final StopSequences stops;
    private final Delivery delivery;
    private final StringBuilder text = new StringBuilder();
    private final float[] logits;
    private final int[] next = new int[1];
    private final long started = System.nanoTime();
    private long firstToken = started;
    private int[] tokens = new int[64];
    private int count;
    private int row;
    private FinishReason reason = FinishReason.CANCELLED;

    /**
     * @param room how many tokens the state can still take
     * @param signal tells the scheduler that the job is ready again or was cancelled
     */
    GenerationJob(
            State state,
            int[] prompt,
            long room,
            GenerationRequest request,
            Tokenizer tokenizer,
            SamplingVocabulary vocabulary,
            Optional<GenerationListener> listener,
            Runnable signal,
            Consumer<Job> onRelease) {
        super(state, prompt, onRelease);
        this.room = room;
        this.request = request;
        this.tokenizer = tokenizer;
        this.sampler = new Sampler(request.sampling(), vocabulary);
        this.decoder = new StreamingDecoder(tokenizer);
        this.stops = new StopSequences(request.stopSequences(), request.stopsAfter());
        this.delivery = new Delivery(
                listener,
                () -> {
                    cancel();
                    signal.run();
                },
                signal);
        this.logits = new float[vocabulary.size()];
    }

    @Override
    boolean ready() {
        return delivery.hasRoom();
    }

    @Override
    void want(Batch batch, int first, int rows) {
        row = remaining() == 0 ? batch.wantLogits(first + rows - 1) : -1;
    }

    @Override
    boolean advance(Results results) {
        if (row < 0) {
            return false;
        }
        results.logits(row, logits);
        int token = sampler.sample(logits);
        if (count == 0) {
            firstToken = System.nanoTime();
        }
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * count);
        }
        tokens[count++] = token;
        if (tokenizer.endOfText().orElse(-1) == token) {
            return end(FinishReason.STOP);
        }
        emit(stops.append(decoder.append(token)));
        if (stops.stopped()) {
            return end(FinishReason.STOP);
        }
        if (count == request.maxTokens() || totalFed() == room) {
            return end(FinishReason.LENGTH);
        }
        next[0] = token;
        feed(next);
        return false;
    }

    private boolean end(FinishReason why) {
        reason = why;
        return true;
    }

    Delivery delivery() {
        return delivery;
    }

    /** The last token drawn; none if nothing was drawn or the text ended. */
    @Override
    OptionalInt unfedToken() {
        if (count == 0 || tokens[count - 1] == tokenizer.endOfText().orElse(-1)) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(tokens[count - 1]);
    }

    @Override
    void complete() {
        emit(stops.append(decoder.finish()));
        emit(stops.finish());
        long now = System.nanoTime();
        delivery.complete(new GenerationResult(
                text.toString(),
                Arrays.copyOf(tokens, count),
                request.prompt().length,
                reason == FinishReason.LENGTH && stops.stopped() ? FinishReason.STOP : reason,
                Duration.ofNanos((count == 0 ? now : firstToken) - started),
                Duration.ofNanos(now - started)));
    }

    private void emit(String piece) {
        if (!piece.isEmpty()) {
            text.append(piece);
            delivery.text(piece);
        }
    }

    @Override
    void fail(RwkvException error) {
        delivery.fail(error);
    }
}
