package io.github.rwkv4j.examples.bench.convert;

import io.github.rwkv4j.engine.format.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** A safetensors file with official names: a JSON header with all places, then the numbers (spec: formats, section b). */
record Safetensors(List<Piece> pieces, Map<String, String> metadata) implements Container {
    private record Entry(String dtype, long[] shape, long[] data_offsets) {}

    static Safetensors of(Checkpoint checkpoint, WeightType type) {
        return new Safetensors(
                checkpoint.tensors().values().stream()
                        .map(tensor -> Piece.of(tensor, type))
                        .toList(),
                checkpoint.metadata());
    }

    @Override
    public void writeHeader(WritableByteChannel out) throws IOException {
        Map<String, Object> entries = new LinkedHashMap<>();
        if (!metadata.isEmpty()) {
            entries.put("__metadata__", metadata);
        }
        long at = 0;
        for (Piece piece : pieces) {
            long end = at + piece.bytes();
            entries.put(piece.name(), new Entry(piece.type().name(), piece.shape(), new long[] {at, end}));
            at = end;
        }
        String json = JsonMapper.shared().writeValueAsString(entries);
        // Numbers begin at a multiple of 8 bytes, as readers that map the file like it.
        byte[] header = (json + " ".repeat(7)).getBytes(StandardCharsets.UTF_8);
        int length = header.length / 8 * 8;
        Piece.write(
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(length)
                        .flip(),
                out);
        Piece.write(ByteBuffer.wrap(header, 0, length), out);
    }

    @Override
    public void writeHeader(Piece piece, WritableByteChannel out) {
        // All is said in the file's header.
    }
}
