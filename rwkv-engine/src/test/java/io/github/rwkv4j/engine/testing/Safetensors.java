package io.github.rwkv4j.engine.testing;

import io.github.rwkv4j.engine.weights.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes any tensors as a well-formed safetensors file. */
public final class Safetensors {
    private Safetensors() {}

    public static Path write(Path file, Collection<Tensor> tensors) {
        return write(file, tensors, Map.of());
    }

    /** With the file's own notes about itself, as letters and digits. */
    public static Path write(Path file, Collection<Tensor> tensors, Map<String, String> metadata) {
        List<String> entries = new ArrayList<>();
        if (!metadata.isEmpty()) {
            entries.add(metadata.entrySet().stream()
                    .map(note -> "\"%s\":\"%s\"".formatted(note.getKey(), note.getValue()))
                    .collect(Collectors.joining(",", "\"__metadata__\":{", "}")));
        }
        long at = 0;
        for (Tensor tensor : tensors) {
            long end = at + tensor.data().byteSize();
            entries.add("\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                    .formatted(tensor.name(), tensor.dtype(), Arrays.toString(tensor.shape()), at, end));
            at = end;
        }
        byte[] header = ("{" + String.join(",", entries) + "}").getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .array());
            out.write(header);
            for (Tensor tensor : tensors) {
                out.write(tensor.data().toArray(ValueLayout.JAVA_BYTE));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }
}
