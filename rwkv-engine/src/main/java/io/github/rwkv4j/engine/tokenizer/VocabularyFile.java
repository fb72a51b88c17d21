package io.github.rwkv4j.engine.tokenizer;

import io.github.rwkv4j.engine.errors.VocabularyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/** Which vocabulary belongs to a model, and its bytes within bounds. */
final class VocabularyFile {
    /** The World vocabulary has 1 MiB; what is far larger is something else, such as a checkpoint. */
    private static final long MAX_BYTES = 64L << 20;

    /** Sixteen times the World vocabulary: far above every known one, and still a bound on what a file allocates. */
    static final int MAX_ID = 65535 * 16;

    private static final String WORLD = "rwkv_vocab_v20230424.txt";

    private static final String BPE = "tokenizer.json";

    /** For all JSON vocabularies. */
    static final JsonFactory JSON = JsonFactory.builder()
            // Names are met once each: a table shared by all files would only grow.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            .build();

    private VocabularyFile() {}

    static Tokenizer forModel(
            Path modelFile, int vocabularySize, Optional<Path> vocabulary, Optional<byte[][]> modelsOwn) {
        if (vocabulary.isEmpty() && modelsOwn.isPresent()) {
            String source = "Vocabulary in " + modelFile;
            Tokenizer tokenizer = new WorldTokenizer(modelsOwn.get(), source, id -> "id " + id);
            return requireFits(tokenizer, source, modelFile, vocabularySize);
        }
        Optional<Path> file = vocabulary.or(() -> beside(modelFile));
        if (file.isEmpty()) {
            if (vocabularySize == ByteTokenizer.SIZE) {
                return new ByteTokenizer();
            }
            throw new VocabularyException(missing(modelFile, vocabularySize));
        }
        return requireFits(read(file.get()), "Vocabulary " + file.get(), modelFile, vocabularySize);
    }

    private static Tokenizer requireFits(Tokenizer tokenizer, String source, Path modelFile, int vocabularySize) {
        if (tokenizer.size() > vocabularySize) {
            throw new VocabularyException(
                    "%s does not fit model %s: its largest id is %d, but the model's ids end at %d; name the vocabulary that the model was trained with"
                            .formatted(source, modelFile, tokenizer.size() - 1, vocabularySize - 1));
        }
        return tokenizer;
    }

    private static Optional<Path> beside(Path modelFile) {
        return names(modelFile).stream()
                .map(modelFile::resolveSibling)
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private static List<String> names(Path modelFile) {
        String stem = modelFile.getFileName().toString().replaceFirst("(\\.safetensors\\.index)?\\.[^.]*$", "");
        return List.of(stem + ".vocab.txt", "vocab.txt", WORLD, BPE, "20B_tokenizer.json", "vocab.json");
    }

    private static String missing(Path modelFile, int vocabularySize) {
        return switch (vocabularySize) {
            case 65536 ->
                "Model %s has 65536 token ids, those of the World vocabulary, but no vocabulary file lies beside it: put %s of the ChatRWKV project there, or name it (RwkvOptions.vocabulary, in Spring rwkv.vocabulary)"
                        .formatted(modelFile, WORLD);
            case 50277, 50304, 50432 ->
                "Model %s has %d token ids, those of the GPT-NeoX 20B tokenizer, but no vocabulary file lies beside it: put its %s there, or name it (RwkvOptions.vocabulary, in Spring rwkv.vocabulary)"
                        .formatted(modelFile, vocabularySize, BPE);
            default ->
                "Model %s has %d token ids and no vocabulary file beside it: put one of %s there, or name it (RwkvOptions.vocabulary, in Spring rwkv.vocabulary)"
                        .formatted(modelFile, vocabularySize, names(modelFile));
        };
    }

    private static Tokenizer read(Path file) {
        byte[] bytes = bytes(file);
        if (!startsWithBrace(bytes)) {
            return WorldTokenizer.read(file);
        }
        return isBpe(bytes) ? BpeTokenizer.read(file) : CharacterTokenizer.read(file);
    }

    /** Whether a JSON object has a model in it; a table of characters has nothing but texts. */
    private static boolean isBpe(byte[] bytes) {
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), bytes)) {
            json.nextToken();
            for (String name = json.nextName(); name != null; name = json.nextName()) {
                JsonToken value = json.nextToken();
                if (name.equals("model") && value == JsonToken.START_OBJECT) {
                    return true;
                }
                json.skipChildren();
            }
            return false;
        } catch (JacksonException e) {
            // Said better by the reader of the table.
            return false;
        }
    }

    /** Looks past white space, byte order marks and the zero bytes of UTF-16. */
    private static boolean startsWithBrace(byte[] bytes) {
        int at = 0;
        while (at < bytes.length && " \t\r\n\0\u00ef\u00bb\u00bf\u00fe\u00ff".indexOf(bytes[at] & 0xFF) >= 0) {
            at++;
        }
        return at < bytes.length && bytes[at] == '{';
    }

    /** All bytes of {@code file}, at least one. */
    static byte[] bytes(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new VocabularyException("Vocabulary %s is not a file: name an existing file".formatted(file));
        }
        try {
            long size = Files.size(file);
            if (size == 0) {
                throw new VocabularyException(
                        "Vocabulary %s is empty, expected at least one token: download it again".formatted(file));
            }
            if (size > MAX_BYTES) {
                throw new VocabularyException(
                        "Vocabulary %s has %d bytes, expected at most %d: this is some other file, such as the model"
                                .formatted(file, size, MAX_BYTES));
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new VocabularyException(
                    "Vocabulary %s can't be read (%s): check the file and its permissions".formatted(file, e), e);
        }
    }
}
