package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.databind.util.ByteBufferBackedInputStream;

/**
 * The {@code model.safetensors.index.json} of a model in several files.
 *
 * @param weightMap the name of the file beside the index that holds a tensor, by the tensor's name
 */
record ShardIndex(Map<String, String> weightMap) {
    /** What the index is called beside its files. */
    static final String NAME = "model.safetensors.index.json";

    private static final long MAX_SIZE = 100L << 20;
    private static final int MAX_FILES = 10_000;

    /** Whether a file is a JSON object and not one of the binary formats. */
    static boolean recognises(FileBytes file) {
        return file.unsignedByte(0) == '{' && CheckpointReader.leadingText(file).startsWith("{");
    }

    /** Reads and checks an index. */
    static ShardIndex read(FileBytes file) {
        if (file.size() > MAX_SIZE) {
            throw damaged(
                    "is a JSON file of %d bytes; expected an index of at most %d".formatted(file.size(), MAX_SIZE));
        }
        Map<String, String> weightMap = new LinkedHashMap<>();
        boolean found = false;
        try (JsonParser json = SafetensorsReader.JSON.createParser(
                ObjectReadContext.empty(),
                new ByteBufferBackedInputStream(file.segment().asByteBuffer()))) {
            json.nextToken();
            for (String name = json.nextName(); name != null; name = json.nextName()) {
                JsonToken value = json.nextToken();
                if (name.equals("weight_map")) {
                    found = true;
                    readWeightMap(json, weightMap);
                } else if (value == JsonToken.START_OBJECT || value == JsonToken.START_ARRAY) {
                    json.skipChildren();
                }
            }
            if (json.currentToken() != JsonToken.END_OBJECT || json.nextToken() != null) {
                throw damaged("is a JSON file that goes on after its object or ends within it");
            }
        } catch (JacksonException e) {
            throw damaged("is not the JSON expected: " + quoted(e.getOriginalMessage()));
        }
        if (!found || weightMap.isEmpty()) {
            throw new CheckpointException("is a JSON file without a weight_map from tensors to files;"
                    + " expected a checkpoint or the index " + NAME + " of one, name such a file");
        }
        return new ShardIndex(weightMap);
    }

    private static void readWeightMap(JsonParser json, Map<String, String> weightMap) {
        require(json.currentToken(), JsonToken.START_OBJECT);
        for (String tensor = json.nextName(); tensor != null; tensor = json.nextName()) {
            require(json.nextToken(), JsonToken.VALUE_STRING);
            String file = json.getString();
            // Plain names only: an index must not lead to files elsewhere.
            if (!file.matches("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,254}")) {
                throw damaged(
                        "index names the file %s; expected the plain name of a file beside it".formatted(quoted(file)));
            }
            weightMap.put(tensor, file);
            if (weightMap.size() > TensorTable.MAX_TENSORS) {
                throw damaged("index holds more than " + TensorTable.MAX_TENSORS + " tensors");
            }
        }
        require(json.currentToken(), JsonToken.END_OBJECT);
    }

    /** The names of the files, each once. */
    List<String> files() {
        List<String> files = weightMap.values().stream().distinct().toList();
        if (files.size() > MAX_FILES) {
            throw damaged("index names %d files; expected at most %d".formatted(files.size(), MAX_FILES));
        }
        return files;
    }

    /** The tensors of the model from those of its files, by file name; what the index does not name is left out. */
    Map<String, Tensor> join(Map<String, Map<String, Tensor>> files) {
        TensorTable table = new TensorTable();
        List<String> missing = new ArrayList<>();
        weightMap.forEach((name, file) -> {
            Tensor tensor = files.getOrDefault(file, Map.of()).get(name);
            if (tensor == null) {
                missing.add(name);
            } else {
                table.add(tensor);
            }
        });
        if (!missing.isEmpty()) {
            throw damaged("index names %d tensors that their files don't hold, the first is %s in %s"
                    .formatted(missing.size(), quoted(missing.getFirst()), weightMap.get(missing.getFirst())));
        }
        return table.tensors();
    }

    private static void require(JsonToken found, JsonToken expected) {
        if (found != expected) {
            throw damaged("index holds %s in weight_map; expected %s".formatted(found, expected));
        }
    }
}
