package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * A byte-level BPE such as GPT-NeoX 20B's, which the models trained on the Pile have (spec: tokenizers). Encoding is
 * Hugging Face's own library, by way of the optional dependency {@code ai.djl.huggingface:tokenizers}; decoding needs only
 * the vocabulary. Text is brought into normal form C first where the file says so; decoding does not undo that.
 */
public final class BpeTokenizer implements Tokenizer {
    private static final byte[] NONE = {};

    private final BpeVocabulary vocabulary;
    private final Function<String, int[]> encoder;

    private BpeTokenizer(BpeVocabulary vocabulary, Function<String, int[]> encoder) {
        this.vocabulary = vocabulary;
        this.encoder = encoder;
    }

    /**
     * Reads a {@code tokenizer.json}.
     *
     * @throws VocabularyException if the file is missing or anything else, or if the library is not on the class path or
     *     does not run on this platform
     */
    public static BpeTokenizer read(Path file) {
        BpeVocabulary vocabulary = BpeVocabulary.parse(VocabularyFile.bytes(file), file);
        try {
            return new BpeTokenizer(vocabulary, HuggingFaceEncoder.open(vocabulary.json()));
        } catch (NoClassDefFoundError e) {
            throw new VocabularyException(
                    "Vocabulary %s is a BPE, whose library is not on the class path: add the dependency ai.djl.huggingface:tokenizers"
                            .formatted(file),
                    e);
        } catch (IOException | RuntimeException | UnsatisfiedLinkError e) {
            throw new VocabularyException(
                    "Vocabulary %s can't be used (%s): check that it is complete, that ai.djl.huggingface:tokenizers runs on this platform, and that its cache folder (DJL_CACHE_DIR, else .djl.ai in the user's home) can be written"
                            .formatted(file, e),
                    e);
        }
    }

    @Override
    public int[] encode(String text) {
        // Half a surrogate pair becomes a question mark here; the library would make something else of it.
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return encoder.apply(new String(bytes, StandardCharsets.UTF_8));
    }

    @Override
    public byte[] bytes(int id) {
        return id >= 0 && id < size() ? vocabulary.tokens()[id] : NONE;
    }

    @Override
    public int size() {
        return vocabulary.tokens().length;
    }

    @Override
    public OptionalInt endOfText() {
        return vocabulary.endOfText();
    }
}
