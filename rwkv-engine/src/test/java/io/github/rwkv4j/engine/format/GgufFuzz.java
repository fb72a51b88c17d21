package io.github.rwkv4j.engine.format;

/** Fuzzes {@link GgufReader}. */
final class GgufFuzz {
    private GgufFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        return ReaderFuzz.accepts(new GgufReader(), data);
    }
}
