package io.github.rwkv4j.examples.bench.convert;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.List;

/** A file to be written: its beginning, then for each piece what stands before its numbers. */
interface Container {
    List<Piece> pieces();

    /** Writes what the file begins with. */
    void writeHeader(WritableByteChannel out) throws IOException;

    /** Writes what stands before a piece. */
    void writeHeader(Piece piece, WritableByteChannel out) throws IOException;
}
