package io.github.rwkv4j.engine.format;

import io.github.rwkv4j.engine.errors.CheckpointException;

/** Fuzzes {@link ShardIndex}. */
final class ShardIndexFuzz {
    private ShardIndexFuzz() {}

    public static void fuzzerTestOneInput(byte[] data) {
        accepts(data);
    }

    static boolean accepts(byte[] data) {
        try {
            if (data.length == 0 || !ShardIndex.recognises(ReaderFuzz.file(data))) {
                return false;
            }
            for (String file : ShardIndex.read(ReaderFuzz.file(data)).files()) {
                if (file.contains("/") || file.contains("\\") || file.startsWith(".")) {
                    throw new AssertionError("the index leads elsewhere: " + file);
                }
            }
            return true;
        } catch (CheckpointException e) {
            return false;
        }
    }
}
