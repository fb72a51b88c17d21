package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.util.ByteBufferBackedInputStream;

/**
 * Reads safetensors: an 8-byte header length, a JSON header, then the data. The header is read as a stream, so that one
 * of many megabytes takes no more memory than the tensors that it describes.
 */
final class SafetensorsReader implements CheckpointReader {
    private static final long MAX_HEADER = 100L << 20;
    private static final int MAX_METADATA = 10_000;

    static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(8)
                    .maxStringLength(1 << 20)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            // Names are met once each: a table shared by all files would only grow.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            .build();

    private static final List<DType> TYPES =
            Arrays.stream(DType.values()).filter(type -> !type.isQuantized()).toList();

    private final TensorTable table = new TensorTable();
    private final List<Range> ranges = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    @Override
    public Contents read(FileBytes file, Arena arena) {
        return new Contents(HuggingFaceNames.toOfficial(readTensors(file), arena), metadata, Optional.empty());
    }

    /** The tensors under the names that the file gives them. */
    Map<String, Tensor> readTensors(FileBytes file) {
        long length = file.int64(0);
        if (length < 2 || length > Math.min(MAX_HEADER, file.size() - 8)) {
            throw damaged("safetensors header has a length of %d; expected 2 to %d"
                    .formatted(length, Math.min(MAX_HEADER, file.size() - 8)));
        }
        FileBytes header = file.slice(8, length, "header");
        FileBytes data = file.slice(8 + length, file.size() - 8 - length, "data");
        try (JsonParser json = JSON.createParser(
                ObjectReadContext.empty(),
                new ByteBufferBackedInputStream(header.segment().asByteBuffer()))) {
            require(json.nextToken(), JsonToken.START_OBJECT, "header");
            for (String name = json.nextName(); name != null; name = json.nextName()) {
                if (name.equals("__metadata__")) {
                    readMetadata(json);
                } else {
                    readTensor(json, name, data);
                }
            }
            require(json.currentToken(), JsonToken.END_OBJECT, "header");
            if (json.nextToken() != null) {
                throw damaged("safetensors header goes on after its JSON object; expected spaces only");
            }
        } catch (JacksonException e) {
            throw damaged("safetensors header is not the JSON expected: " + quoted(e.getOriginalMessage()));
        }
        Range.requireDisjoint(ranges);
        return table.tensors();
    }

    private void readMetadata(JsonParser json) {
        require(json.nextToken(), JsonToken.START_OBJECT, "__metadata__");
        for (String name = json.nextName(); name != null; name = json.nextName()) {
            require(json.nextToken(), JsonToken.VALUE_STRING, "__metadata__");
            metadata.put(name, json.getString());
            if (metadata.size() > MAX_METADATA) {
                throw damaged("safetensors header holds more than " + MAX_METADATA + " metadata entries");
            }
        }
        require(json.currentToken(), JsonToken.END_OBJECT, "__metadata__");
    }

    private void readTensor(JsonParser json, String name, FileBytes data) {
        String type = "";
        long[] shape = {-1};
        long[] offsets = {};
        require(json.nextToken(), JsonToken.START_OBJECT, name);
        for (String field = json.nextName(); field != null; field = json.nextName()) {
            JsonToken token = json.nextToken();
            switch (field) {
                case "dtype" -> {
                    require(token, JsonToken.VALUE_STRING, name);
                    type = json.getString();
                }
                case "shape" -> shape = readNumbers(json, name);
                case "data_offsets" -> offsets = readNumbers(json, name);
                default -> throw damaged("tensor %s has an unknown field %s".formatted(quoted(name), quoted(field)));
            }
        }
        require(json.currentToken(), JsonToken.END_OBJECT, name);
        addTensor(name, dtype(name, type), shape, offsets, data);
    }

    private void addTensor(String name, DType dtype, long[] shape, long[] offsets, FileBytes data) {
        long bytes = TensorTable.bytes(name, dtype, shape);
        if (offsets.length != 2
                || offsets[0] < 0
                || offsets[1] < offsets[0]
                || offsets[1] > data.size()
                || offsets[1] - offsets[0] != bytes) {
            throw damaged(
                    "tensor %s of shape %s and type %s lies at %s; expected [begin, begin + %d] within %d bytes of data"
                            .formatted(
                                    quoted(name),
                                    Arrays.toString(shape),
                                    dtype,
                                    Arrays.toString(offsets),
                                    bytes,
                                    data.size()));
        }
        table.add(new Tensor(
                name, dtype, shape, data.slice(offsets[0], bytes, "tensor").segment()));
        ranges.add(new Range(name, offsets[0], offsets[1]));
    }

    private static long[] readNumbers(JsonParser json, String name) {
        require(json.currentToken(), JsonToken.START_ARRAY, name);
        long[] numbers = new long[TensorTable.MAX_RANK];
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            require(json.currentToken(), JsonToken.VALUE_NUMBER_INT, name);
            if (count == numbers.length) {
                throw damaged("tensor %s has more than %d dimensions".formatted(quoted(name), numbers.length));
            }
            numbers[count++] = json.getLongValue();
        }
        return Arrays.copyOf(numbers, count);
    }

    private static DType dtype(String name, String type) {
        for (DType dtype : TYPES) {
            if (dtype.name().equals(type)) {
                return dtype;
            }
        }
        throw new CheckpointException("tensor %s has the type %s; expected one of %s, convert the file to one of them"
                .formatted(quoted(name), quoted(type), TYPES));
    }

    private static void require(JsonToken found, JsonToken expected, String where) {
        if (found != expected) {
            throw damaged("safetensors header holds %s in %s; expected %s".formatted(found, quoted(where), expected));
        }
    }
}
