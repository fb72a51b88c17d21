package io.github.rwkv4j.engine.format;

/** Fuzzes {@link PthReader}. */
final class PthFuzz {
    private PthFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        return ReaderFuzz.accepts(new PthReader(), data);
    }
}
