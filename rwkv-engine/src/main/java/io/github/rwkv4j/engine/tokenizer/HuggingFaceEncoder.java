package io.github.rwkv4j.engine.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Hugging Face's tokenizers library behind one function; the only class that needs it on the class path. */
final class HuggingFaceEncoder implements Function<String, int[]> {
    private static final Cleaner CLEANER = Cleaner.create();

    /** Without these the library may fetch a GPU build of itself from the internet, and reports its users on Amazon. */
    private static final Map<String, String> STAY_HERE = Map.of("RUST_FLAVOR", "cpu", "OPT_OUT_TRACKING", "true");

    private static final Map<String, String> OPTIONS =
            Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");

    private final HuggingFaceTokenizer tokenizer;

    private HuggingFaceEncoder(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
        CLEANER.register(this, tokenizer::close);
    }

    /**
     * Makes an encoder from the content of a {@code tokenizer.json}.
     *
     * @throws IOException and unchecked exceptions of the library, if it does not accept the content
     */
    static synchronized HuggingFaceEncoder open(String json) throws IOException {
        Map<String, @Nullable String> before = new HashMap<>();
        STAY_HERE.forEach((key, value) -> before.put(key, System.setProperty(key, value)));
        try {
            return new HuggingFaceEncoder(HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)), OPTIONS));
        } finally {
            before.forEach((key, value) -> {
                if (value == null) {
                    System.clearProperty(key);
                } else {
                    System.setProperty(key, value);
                }
            });
        }
    }

    @Override
    public int[] apply(String text) {
        try {
            long[] ids = tokenizer.encode(text, false, false).getIds();
            int[] result = new int[ids.length];
            for (int i = 0; i < result.length; i++) {
                result[i] = Math.toIntExact(ids[i]);
            }
            return result;
        } finally {
            // The cleaner must not free what the call above still uses.
            Reference.reachabilityFence(this);
        }
    }
}
