package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.PickleValue.Constant;
import io.github.rwkv4j.engine.format.PickleValue.Dict;
import io.github.rwkv4j.engine.format.PickleValue.Sequence;
import io.github.rwkv4j.engine.format.PickleValue.Storage;
import io.github.rwkv4j.engine.format.PickleValue.StridedTensor;
import io.github.rwkv4j.engine.format.PickleValue.Text;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads what {@code torch.save} writes: a dict of tensors, in a ZIP file (PyTorch 1.6 on) or as a row of pickles. */
final class PthReader implements CheckpointReader {
    /** Protocol 2, the number 0x1950a86a20f9469cfc6c, STOP: the first of a legacy file's pickles. */
    private static final String LEGACY_MAGIC = "80 02 8a 0a 6c fc 9c 46 f9 20 6a a8 50 19 2e";

    private static final String PICKLE = "/data.pkl";
    private static final int LEGACY_MAGIC_SIZE = 15;
    private static final long LEGACY_VERSION = 1001;

    @Override
    public Contents read(FileBytes file, Arena arena) {
        return file.unsignedByte(0) == PICKLE_PROTO ? readLegacy(file, arena) : readZip(file, arena);
    }

    private static Contents readZip(FileBytes file, Arena arena) {
        Map<String, FileBytes> entries = ZipDirectory.read(file);
        List<Map.Entry<String, FileBytes>> pickles = entries.entrySet().stream()
                .filter(entry -> entry.getKey().endsWith(PICKLE)
                        && entry.getKey().indexOf('/') == entry.getKey().length() - PICKLE.length())
                .toList();
        if (pickles.size() != 1) {
            throw new CheckpointException(
                    "is a ZIP file with %d entries FOLDER/data.pkl; expected one,".formatted(pickles.size())
                            + " name a file written by torch.save");
        }
        String pickle = pickles.getFirst().getKey();
        String folder = pickle.substring(0, pickle.indexOf('/') + 1);
        FileBytes order = entries.get(folder + "byteorder");
        if (order != null
                && !(order.size() == 6 && order.utf8(0, 6, "byteorder").equals("little"))) {
            throw new CheckpointException("has a byteorder other than \"little\";"
                    + " expected a file saved on a little-endian machine, save it again on one");
        }
        Unpickler unpickler = new Unpickler(pickles.getFirst().getValue(), 0);
        PickleValue root = unpickler.load();
        Map<Storage, FileBytes> storages = new HashMap<>();
        for (Storage storage : unpickler.storages().values()) {
            FileBytes bytes = entries.get(folder + "data/" + storage.key());
            long expected = TensorTable.bytes(storage.key(), storage.dtype(), storage.elements());
            if (bytes == null || bytes.size() != expected) {
                throw damaged("storage %s is %s; expected an entry of %d bytes"
                        .formatted(
                                quoted(storage.key()),
                                bytes == null ? "missing" : bytes.size() + " bytes long",
                                expected));
            }
            storages.put(storage, bytes);
        }
        return contents(root, storages, new TensorPlacement(arena, file.size()));
    }

    /** Pickles of magic number, version, system, the dict and the order of its storages; then the storages. */
    private static Contents readLegacy(FileBytes file, Arena arena) {
        if (file.size() < LEGACY_MAGIC_SIZE || !file.hex(0, LEGACY_MAGIC_SIZE).equals(LEGACY_MAGIC)) {
            throw new CheckpointException(
                    "is a pickle but not a PyTorch checkpoint; name a file written by torch.save");
        }
        Unpickler version = new Unpickler(file, LEGACY_MAGIC_SIZE);
        if (!(version.load() instanceof PickleValue.Number(long number)) || number != LEGACY_VERSION) {
            throw damaged("PyTorch legacy file has an unknown version; expected " + LEGACY_VERSION);
        }
        Unpickler system = new Unpickler(file, version.position());
        if (!(system.load() instanceof Dict(var properties)) || properties.get("little_endian") != Constant.TRUE) {
            throw new CheckpointException("was not saved on a little-endian machine; save it again on one");
        }
        Unpickler unpickler = new Unpickler(file, system.position());
        PickleValue root = unpickler.load();
        Unpickler order = new Unpickler(file, unpickler.position());
        if (!(order.load() instanceof Sequence(var keys))) {
            throw damaged("PyTorch legacy file lacks the order of its storages");
        }
        Map<Storage, FileBytes> storages = new HashMap<>();
        long position = order.position();
        for (PickleValue key : keys) {
            Storage storage =
                    key instanceof Text(String name) ? unpickler.storages().get(name) : null;
            if (storage == null || storages.containsKey(storage) || file.int64(position) != storage.elements()) {
                throw damaged("PyTorch legacy file has an unexpected storage at byte " + position);
            }
            long bytes = TensorTable.bytes(storage.key(), storage.dtype(), storage.elements());
            storages.put(storage, file.slice(position + 8, bytes, "storage"));
            position += 8 + bytes;
        }
        return contents(root, storages, new TensorPlacement(arena, file.size()));
    }

    private static Contents contents(PickleValue root, Map<Storage, FileBytes> storages, TensorPlacement placement) {
        if (!(root instanceof Dict(var items))) {
            throw new CheckpointException(
                    "holds " + root.kind() + "; expected a dict of tensors, save only model.state_dict()");
        }
        TensorTable table = new TensorTable();
        items.forEach((name, value) -> {
            switch (value) {
                case StridedTensor tensor -> {
                    FileBytes storage = storages.get(tensor.storage());
                    if (storage == null) {
                        throw damaged("storage %s of tensor %s is missing"
                                .formatted(quoted(tensor.storage().key()), quoted(name)));
                    }
                    table.add(placement.place(name, tensor, storage));
                }
                // Such as a step counter beside the weights.
                case Constant _, PickleValue.Number _, Text _ -> {}
                default ->
                    throw new CheckpointException(
                            "holds %s under %s; expected a dict of tensors,".formatted(value.kind(), quoted(name))
                                    + " save only model.state_dict()");
            }
        });
        return new Contents(
                HuggingFaceNames.toOfficial(table.tensors(), placement.arena()), Map.of(), Optional.empty());
    }
}
