package io.github.rwkv4j.engine.format;

/** Fuzzes {@link SafetensorsReader}. */
final class SafetensorsFuzz {
    private SafetensorsFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        return ReaderFuzz.accepts(new SafetensorsReader(), data);
    }
}
