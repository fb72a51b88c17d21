package io.github.rwkv4j.examples.bench.convert;

import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;

/**
 * A tensor as it will be written.
 *
 * @param shape dimensions, outermost first
 * @param numbers its numbers in row-major order
 */
record Piece(String name, long[] shape, WeightType type, Numbers numbers) {
    /** Numbers written at a time, whole blocks. */
    private static final int STRETCH = 1 << 16;

    /** Where numbers come from. */
    interface Numbers {
        /** The numbers {@code from} to {@code from + count - 1}. */
        void read(long from, int count, float[] out);
    }

    /** A tensor under its own name and shape. */
    static Piece of(Tensor tensor, WeightType type) {
        return new Piece(tensor.name(), tensor.shape(), type, tensor::read);
    }

    long elements() {
        return Tensor.elements(shape);
    }

    long bytes() {
        return type.bytes(elements());
    }

    void writeTo(WritableByteChannel out) throws IOException {
        float[] values = new float[STRETCH];
        ByteBuffer encoded = ByteBuffer.allocate(4 * STRETCH).order(ByteOrder.LITTLE_ENDIAN);
        long elements = elements();
        for (long at = 0; at < elements; at += STRETCH) {
            int count = (int) Math.min(STRETCH, elements - at);
            numbers.read(at, count, values);
            encoded.clear();
            try {
                type.encode(values, count, encoded);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(name + " " + e.getMessage(), e);
            }
            write(encoded.flip(), out);
        }
    }

    static void write(ByteBuffer bytes, WritableByteChannel out) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
