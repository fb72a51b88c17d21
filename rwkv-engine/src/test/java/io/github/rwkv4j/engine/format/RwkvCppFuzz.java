package io.github.rwkv4j.engine.format;

/** Fuzzes {@link RwkvCppReader}. */
final class RwkvCppFuzz {
    private RwkvCppFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        return ReaderFuzz.accepts(new RwkvCppReader(), data);
    }
}
