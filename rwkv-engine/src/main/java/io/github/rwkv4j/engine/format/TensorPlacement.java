package io.github.rwkv4j.engine.format;

import static io.github.rwkv4j.engine.format.CheckpointReader.damaged;
import static io.github.rwkv4j.engine.format.CheckpointReader.quoted;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.format.PickleValue.StridedTensor;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Makes row-major tensors of strided views: in place where the view is contiguous, else by one copy. All copies together
 * stay below the file's size, so that a small storage with strides of 0 cannot pose as a huge tensor.
 */
final class TensorPlacement {
    private final Arena arena;
    private final long fileSize;
    private long copied;

    TensorPlacement(Arena arena, long fileSize) {
        this.arena = arena;
        this.fileSize = fileSize;
    }

    Arena arena() {
        return arena;
    }

    Tensor place(String name, StridedTensor tensor, FileBytes storage) {
        DType dtype = tensor.storage().dtype();
        long bytes = TensorTable.bytes(name, dtype, tensor.shape());
        requireInside(name, tensor, bytes == 0);
        if (bytes == 0 || isContiguous(tensor)) {
            MemorySegment data = storage.slice(tensor.offset() * dtype.bytes(), bytes, "tensor")
                    .segment();
            return new Tensor(name, dtype, tensor.shape(), data);
        }
        if (bytes > fileSize - copied) {
            throw new CheckpointException("tensor %s of shape %s and strides %s needs a copy of %d bytes;"
                            .formatted(
                                    quoted(name),
                                    Arrays.toString(tensor.shape()),
                                    Arrays.toString(tensor.strides()),
                                    bytes)
                    + " expected all copies to stay below the file's size, save the tensors with .contiguous()");
        }
        copied += bytes;
        MemorySegment data = Rearrangement.allocate(arena, name, bytes, dtype.bytes());
        copyRowMajor(tensor, storage.segment(), data, dtype.bytes());
        return new Tensor(name, dtype, tensor.shape(), data);
    }

    /** Checks that the first and the last element, and so all, lie in the storage. */
    private static void requireInside(String name, StridedTensor tensor, boolean empty) {
        long[] shape = tensor.shape();
        long[] strides = tensor.strides();
        boolean inside = strides.length == shape.length && tensor.offset() >= 0;
        try {
            long last = tensor.offset();
            for (int i = 0; inside && i < shape.length; i++) {
                inside = strides[i] >= 0;
                last = empty ? last : Math.addExact(last, Math.multiplyExact(shape[i] - 1, strides[i]));
            }
            inside &= empty
                    ? last <= tensor.storage().elements()
                    : last < tensor.storage().elements();
        } catch (ArithmeticException e) {
            inside = false;
        }
        if (!inside) {
            throw damaged("tensor %s has offset %d, shape %s and strides %s; expected a view within %d elements"
                    .formatted(
                            quoted(name),
                            tensor.offset(),
                            Arrays.toString(shape),
                            Arrays.toString(strides),
                            tensor.storage().elements()));
        }
    }

    private static boolean isContiguous(StridedTensor tensor) {
        long expected = 1;
        for (int i = tensor.shape().length - 1; i >= 0; i--) {
            if (tensor.shape()[i] != 1 && tensor.strides()[i] != expected) {
                return false;
            }
            expected *= tensor.shape()[i];
        }
        return true;
    }

    private static void copyRowMajor(StridedTensor tensor, MemorySegment from, MemorySegment to, int bytes) {
        long[] shape = tensor.shape();
        long[] strides = tensor.strides();
        long[] index = new long[shape.length];
        long source = tensor.offset();
        for (long target = 0; target < to.byteSize(); target += bytes) {
            MemorySegment.copy(from, source * bytes, to, target, bytes);
            int axis = shape.length - 1;
            while (axis >= 0 && ++index[axis] == shape[axis]) {
                source -= (shape[axis] - 1) * strides[axis];
                index[axis--] = 0;
            }
            if (axis >= 0) {
                source += strides[axis];
            }
        }
    }
}
