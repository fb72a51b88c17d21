package io.github.rwkv4j.engine;

import io.github.rwkv4j.engine.compute.Compute;
import io.github.rwkv4j.engine.compute.State;
import io.github.rwkv4j.engine.compute.StateLayout;
import io.github.rwkv4j.engine.compute.cpu.CpuCompute;
import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.errors.ClosedException;
import io.github.rwkv4j.engine.errors.InvalidRequestException;
import io.github.rwkv4j.engine.errors.RwkvException;
import io.github.rwkv4j.engine.errors.SnapshotException;
import io.github.rwkv4j.engine.format.Checkpoint;
import io.github.rwkv4j.engine.model.InitialState;
import io.github.rwkv4j.engine.model.Model;
import io.github.rwkv4j.engine.model.ModelOptions;
import io.github.rwkv4j.engine.sampling.SamplingVocabulary;
import io.github.rwkv4j.engine.state.Snapshot;
import io.github.rwkv4j.engine.state.TokenHistory;
import io.github.rwkv4j.engine.tokenizer.Tokenizer;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Quantization;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An opened RWKV model. Thread-safe; close it to free its native memory and stop its threads. */
public final class Rwkv implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final Compute compute;
    private final Model model;
    private final ModelInfo info;
    private final String fingerprint;
    private final Tokenizer tokenizer;
    private final SamplingVocabulary vocabulary;
    private final RwkvOptions options;
    private final BatchScheduler scheduler;
    private final ReentrantLock closing = new ReentrantLock();

    /** States that are not freed yet; closing the model frees them all. */
    private final Set<State> states = ConcurrentHashMap.newKeySet();

    private Rwkv(Checkpoint checkpoint, Compute compute, Model model, Tokenizer tokenizer, RwkvOptions options) {
        this.checkpoint = checkpoint;
        this.compute = compute;
        this.model = model;
        this.tokenizer = tokenizer;
        this.options = options;
        this.vocabulary = new SamplingVocabulary(tokenizer, model.config().vocabularySize());
        this.info = new ModelInfo(
                nameOf(checkpoint.file()),
                model.config().architecture().label(),
                model.config().layers(),
                model.config().embeddingSize(),
                model.config().vocabularySize(),
                model.config().parameters(),
                kept(model.config().weights(), options.quantization()),
                compute.weightBytes(),
                model.stateLayout().bytes(),
                compute.description(),
                compute.threads());
        this.fingerprint = Fingerprint.of(checkpoint, info, options);
        this.scheduler = new BatchScheduler(model, compute, options);
    }

    /**
     * Opens a checkpoint; its generation, sizes and ranks are read from the names and shapes of its tensors.
     *
     * @param model a {@code .safetensors}, {@code .pth}, {@code .gguf} or rwkv.cpp {@code .bin} file, or the index or
     *     directory of a model in several safetensors files
     * @throws io.github.rwkv4j.engine.errors.ModelNotFoundException if there is no such file
     * @throws CheckpointException if it is damaged or not a model that this engine runs
     * @throws io.github.rwkv4j.engine.errors.VocabularyException if its vocabulary is missing, damaged or does not fit
     */
    public static Rwkv open(Path model, RwkvOptions options) {
        return open(model, options, CpuCompute::new);
    }

    /** As {@link #open(Path, RwkvOptions)} with {@link RwkvOptions#DEFAULT}. */
    public static Rwkv open(Path model) {
        return open(model, RwkvOptions.DEFAULT);
    }

    static Rwkv open(Path file, RwkvOptions options, IntFunction<Compute> device) {
        Checkpoint checkpoint = Checkpoint.open(file);
        Optional<Compute> compute = Optional.empty();
        boolean opened = false;
        try {
            int threads = options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
            compute = Optional.of(device.apply(threads));
            Model model = Model.load(compute.get(), checkpoint.tensors(), modelOptions(checkpoint, options));
            Tokenizer tokenizer = Tokenizer.forModel(
                    checkpoint.file(), model.config().vocabularySize(), options.vocabulary(), checkpoint.vocabulary());
            Rwkv rwkv = new Rwkv(checkpoint, compute.get(), model, tokenizer, options);
            opened = true;
            return rwkv;
        } catch (CheckpointException e) {
            // What is wrong was found by parts that know no path.
            throw new CheckpointException(file + ": " + e.getMessage(), e);
        } finally {
            if (!opened) {
                compute.ifPresent(Compute::close);
                checkpoint.close();
            }
        }
    }

    private static ModelOptions modelOptions(Checkpoint checkpoint, RwkvOptions options) {
        return new ModelOptions(
                options.quantization(),
                options.prefillRows() + options.maxSessions(),
                options.maxSessions() + BatchScheduler.EXTRA_LOGITS,
                options.architecture(),
                options.copyWindow(),
                headNormEpsilon(checkpoint.metadata().get(Checkpoint.HEAD_NORM_EPSILON)));
    }

    private static float headNormEpsilon(@Nullable String noted) {
        if (noted == null) {
            return ModelOptions.HEAD_NORM_EPSILON;
        }
        try {
            float epsilon = Float.parseFloat(noted);
            if (epsilon > 0 && epsilon < 1) {
                return epsilon;
            }
        } catch (NumberFormatException e) {
            // Refused below like any other.
        }
        throw new CheckpointException("The file's metadata says %s = %s, but a number between 0 and 1 is expected"
                .formatted(Checkpoint.HEAD_NORM_EPSILON, noted));
    }

    private static String kept(DType stored, Quantization quantization) {
        Quantization kept = Quantization.kept(stored, quantization);
        return kept == Quantization.NONE ? stored.name() : kept.name();
    }

    private static String nameOf(Path file) {
        String name = file.getFileName().toString().replaceFirst("\\.safetensors\\.index\\.json$", ".safetensors");
        int dot = name.lastIndexOf('.');
        String stem = dot > 0 ? name.substring(0, dot) : name;
        Path directory = file.toAbsolutePath().getParent();
        return stem.equals("model") && directory != null && directory.getFileName() != null
                ? directory.getFileName().toString()
                : stem;
    }

    public ModelInfo info() {
        return info;
    }

    /**
     * The file's own notes about the model, such as {@code tokenizer.chat_template} and {@code rwkv7.context_length} of a
     * GGUF file; empty where it has none.
     */
    public Map<String, String> metadata() {
        return checkpoint.metadata();
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /**
     * A new session with an empty past. The caller closes it; closing the model closes it too.
     *
     * @throws ClosedException if the model is closed
     */
    public Session newSession() {
        scheduler.requireOpen();
        return new Session(this, newState(), TokenHistory.start(fingerprint(), ""));
    }

    /**
     * A new session with the past of a snapshot. The caller closes it.
     *
     * @throws SnapshotException if the snapshot belongs to another model, or is damaged
     * @throws ClosedException if the model is closed
     */
    public Session newSession(Snapshot snapshot) {
        if (!snapshot.model().equals(fingerprint())) {
            throw new SnapshotException(
                    "The snapshot belongs to another model, or to this one with other weights, options or quantisation: %s… is not %s…"
                            .formatted(
                                    snapshot.model().substring(0, 8),
                                    fingerprint().substring(0, 8)));
        }
        snapshot.unfed().ifPresent(token -> requireTokens(new int[] {token}));
        OptionalInt unfed = snapshot.unfed();
        long fed = snapshot.position() - (unfed.isPresent() ? 1 : 0);
        float[] numbers = snapshot.state();
        State state = newState();
        try {
            onDevice(() -> {
                requireFit(numbers, state.layout());
                compute.write(state, 0, numbers);
                return state;
            });
        } catch (RuntimeException e) {
            free(state);
            throw e;
        }
        return new Session(this, state, TokenHistory.from(snapshot.history()), fed, unfed);
    }

    private static void requireFit(float[] numbers, StateLayout layout) {
        int width = layout.historyWidth();
        long most =
                width > 0 && layout.window() > 0 ? layout.size() + (long) layout.window() * width : Integer.MAX_VALUE;
        int beyond = numbers.length - layout.size();
        boolean whole = width == 0 ? beyond == 0 : beyond >= 0 && beyond % width == 0;
        if (!whole || numbers.length > most) {
            throw new SnapshotException("The snapshot is damaged: it has %d numbers, but a state of this model has %d"
                    .formatted(numbers.length, layout.size()));
        }
    }

    /**
     * What tells this model from others: a hash of its tensors' names, types and shapes, samples of their contents, and the
     * options that change what is computed. 64 hexadecimal digits; the same on every machine.
     */
    public String fingerprint() {
        return fingerprint;
    }

    /** The hashes of an empty past after the first {@code ends[i]} of {@code tokens}, as snapshots have them; ends ascend. */
    public List<String> historyOf(int[] tokens, int... ends) {
        return TokenHistory.start(fingerprint(), "").hashesAt(tokens, ends);
    }

    /**
     * Reads a trained state that sessions of this model can start from ("state tuning"; RWKV-5 to RWKV-7).
     *
     * @param file a {@code .safetensors} or {@code .pth} file with {@code blocks.i.att.time_state} for every layer
     * @throws io.github.rwkv4j.engine.errors.ModelNotFoundException if there is no such file
     * @throws CheckpointException if it is damaged, or no trained state for this model
     */
    public InitialState initialState(Path file) {
        try (Checkpoint trained = Checkpoint.open(file)) {
            return readState(trained);
        }
    }

    private InitialState readState(Checkpoint trained) {
        try {
            return InitialState.read(trained.tensors(), model);
        } catch (CheckpointException e) {
            throw new CheckpointException(trained.file() + ": " + e.getMessage(), e);
        }
    }

    /**
     * A new session that starts from a trained state. The caller closes it.
     *
     * @throws InvalidRequestException if the state was read for another model
     * @throws ClosedException if the model is closed
     */
    public Session newSession(InitialState start) {
        State state = newState();
        try {
            onDevice(() -> {
                start.writeTo(state, compute);
                return state;
            });
        } catch (RuntimeException e) {
            free(state);
            throw e;
        }
        return new Session(this, state, TokenHistory.start(fingerprint(), Fingerprint.of(start)));
    }

    private State newState() {
        scheduler.requireOpen();
        State state = compute.newState(model.stateLayout());
        states.add(state);
        try {
            // A close that came meanwhile has either seen the state or is seen here.
            scheduler.requireOpen();
        } catch (ClosedException e) {
            closeOnce(state);
            throw e;
        }
        return state;
    }

    /**
     * Generates from an empty past, in a session of its own.
     *
     * @throws io.github.rwkv4j.engine.errors.OverloadedException if the queue of waiting requests is full
     * @throws InvalidRequestException if the prompt is empty or has ids outside the vocabulary
     */
    public Generation generate(GenerationRequest request, GenerationListener listener) {
        return start(request, Optional.of(listener));
    }

    /** As {@link #generate(GenerationRequest, GenerationListener)}, waiting for the end; an interrupt cancels it. */
    public GenerationResult generate(GenerationRequest request) {
        return await(start(request, Optional.empty()));
    }

    private Generation start(GenerationRequest request, Optional<GenerationListener> listener) {
        requireTokens(request.prompt());
        if (request.prompt().length == 0) {
            throw new InvalidRequestException("The prompt is empty: there is nothing to continue");
        }
        requireRoom(0, request.prompt().length);
        State state = newState();
        try {
            GenerationJob job = newJob(state, 0, request.prompt(), request, listener, _ -> free(state));
            submit(job);
            job.delivery().start();
            return job.delivery();
        } catch (RuntimeException e) {
            free(state);
            throw e;
        }
    }

    /** @param past how many tokens the state has seen */
    GenerationJob newJob(
            State state,
            long past,
            int[] prompt,
            GenerationRequest request,
            Optional<GenerationListener> listener,
            Consumer<Job> onRelease) {
        return new GenerationJob(
                state, prompt, room(past), request, tokenizer, vocabulary, listener, scheduler::signal, onRelease);
    }

    /**
     * One embedding of length 1 [embedding size] per text; the texts go through the weights together.
     *
     * @throws InvalidRequestException if a text has no tokens to pool
     * @throws io.github.rwkv4j.engine.errors.OverloadedException if too many requests are waiting
     */
    public List<float[]> embed(List<String> texts, Pooling pooling) {
        List<int[]> tokens = texts.stream().map(text -> tokens(text, pooling)).toList();
        List<float[]> embeddings = new ArrayList<>();
        Queue<EmbeddingJob> jobs = new ArrayDeque<>();
        try {
            for (int[] text : tokens) {
                // Long lists wait here and not in the scheduler's queue, which others need too.
                if (jobs.size() == options.maxSessions()) {
                    embeddings.add(join(jobs.remove().result()));
                }
                jobs.add(embed(text, pooling));
            }
            while (!jobs.isEmpty()) {
                embeddings.add(join(jobs.remove().result()));
            }
            return embeddings;
        } finally {
            jobs.forEach(Job::cancel);
        }
    }

    private int[] tokens(String text, Pooling pooling) {
        int[] tokens = tokenizer.encode(text);
        if (pooling == Pooling.LAST && tokenizer.endOfText().isPresent()) {
            tokens = Arrays.copyOf(tokens, tokens.length + 1);
            tokens[tokens.length - 1] = tokenizer.endOfText().getAsInt();
        }
        if (tokens.length == 0) {
            throw new InvalidRequestException("A text to embed is empty: leave it out");
        }
        requireRoom(0, tokens.length);
        return tokens;
    }

    private EmbeddingJob embed(int[] tokens, Pooling pooling) {
        State state = newState();
        EmbeddingJob job =
                new EmbeddingJob(state, tokens, pooling, model.config().embeddingSize(), _ -> free(state));
        try {
            submit(job);
        } catch (RuntimeException e) {
            free(state);
            throw e;
        }
        return job;
    }

    void submit(Job job) {
        scheduler.submit(job);
    }

    void requireTokens(int[] tokens) {
        for (int token : tokens) {
            if (token < 0 || token >= info.vocabularySize()) {
                throw new InvalidRequestException(
                        "Token id %d is outside the model's vocabulary of %d".formatted(token, info.vocabularySize()));
            }
        }
    }

    /** How many tokens a past can still take. */
    long room(long past) {
        int contextLength = model.config().contextLength();
        return contextLength == 0 ? Long.MAX_VALUE : contextLength - past;
    }

    /** @throws InvalidRequestException if the past can't take {@code count} tokens more, in RWKV-1 */
    void requireRoom(long past, int count) {
        if (count > room(past)) {
            throw new InvalidRequestException(
                    "%d tokens after a past of %d are over the context length of this model (%s), which is %d: feed the last of them to a new session"
                            .formatted(
                                    count,
                                    past,
                                    info.generation(),
                                    model.config().contextLength()));
        }
    }

    /** A session with the same past. */
    Session copy(State from, TokenHistory history, long fed, OptionalInt unfed) {
        State to = newState();
        try {
            onDevice(() -> {
                compute.copy(from, to);
                return to;
            });
        } catch (RuntimeException e) {
            free(to);
            throw e;
        }
        return new Session(this, to, history, fed, unfed);
    }

    /** All numbers of a state. */
    float[] read(State state) {
        return onDevice(() -> {
            float[] numbers = new float[state.size()];
            compute.read(state, 0, numbers);
            return numbers;
        });
    }

    float[] read(State state, int offset, int count) {
        return onDevice(() -> {
            float[] numbers = new float[count];
            compute.read(state, offset, numbers);
            return numbers;
        });
    }

    /** Runs something between two steps, when the device is free, and waits for it. */
    private <T> T onDevice(Supplier<T> action) {
        CompletableFuture<T> result = new CompletableFuture<>();
        scheduler.call(() -> result.completeAsync(action, Runnable::run));
        return join(result);
    }

    /** Frees a state as soon as no step uses it. */
    void free(State state) {
        try {
            scheduler.call(() -> closeOnce(state));
        } catch (ClosedException e) {
            // The last step may still use it; close() frees what is left after that.
        }
    }

    private void closeOnce(State state) {
        if (states.remove(state)) {
            state.close();
        }
    }

    void cancel(Job job) {
        scheduler.cancel(job);
    }

    static GenerationResult await(Generation generation) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return generation.await();
                } catch (InterruptedException e) {
                    interrupted = true;
                    generation.cancel();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    static <T> T join(CompletableFuture<T> future) {
        try {
            return future.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RwkvException cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** Refuses new requests, ends running ones with a {@link ClosedException}, then frees memory. Idempotent. */
    @Override
    public void close() {
        scheduler.close();
        // From here on no step runs.
        closing.lock();
        try {
            states.forEach(this::closeOnce);
            compute.close();
            checkpoint.close();
        } finally {
            closing.unlock();
        }
    }
}
