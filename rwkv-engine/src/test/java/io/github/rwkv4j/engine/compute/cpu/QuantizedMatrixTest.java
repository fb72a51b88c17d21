package io.github.rwkv4j.engine.compute.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.weights.DType;
import io.github.rwkv4j.engine.weights.Quantization;
import io.github.rwkv4j.engine.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** What becomes of quantised tensors on the CPU. */
class QuantizedMatrixTest {
    private static final int ROWS = 37;
    private static final int COLUMNS = 512;

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q5_0", "Q8_0"})
    void scaledIntegersAreRepackedWithoutLoss(DType type) {
        Tensor tensor = random(type);
        try (CpuCompute compute = new CpuCompute(1)) {
            for (Quantization quantization : new Quantization[] {Quantization.NONE, Quantization.Q8_0}) {
                CpuMatrix matrix = (CpuMatrix) compute.matrix(tensor, quantization);
                boolean fourBits = type == DType.Q4_0 && quantization == Quantization.NONE;
                assertThat(matrix.type().quantised()).isTrue();
                assertThat(matrix.type().fourBits()).isEqualTo(fourBits);
                for (int row = 0; row < ROWS; row++) {
                    for (int column = 0; column < COLUMNS; column++) {
                        assertThat(value(matrix, row, column)).isEqualTo(tensor.get((long) row * COLUMNS + column));
                    }
                }
            }
        }
    }

    /** Half a step of 1/127 of a block's largest number, and what the float16 scale rounds off. */
    @ParameterizedTest
    @EnumSource(names = {"Q4_1", "Q5_1", "Q4_K", "Q5_K", "Q6_K"})
    void otherTypesBecomeEightBitsWithAtMostHalfAStepOfError(DType type) {
        Tensor tensor = random(type);
        try (CpuCompute compute = new CpuCompute(1)) {
            CpuMatrix matrix = (CpuMatrix) compute.matrix(tensor, Quantization.NONE);
            assertThat(matrix.type().quantised()).isTrue();
            assertThat(matrix.type().fourBits()).isFalse();
            float[] block = new float[32];
            for (int row = 0; row < ROWS; row++) {
                for (int at = 0; at < COLUMNS; at += 32) {
                    tensor.read((long) row * COLUMNS + at, 32, block);
                    float largest = 0;
                    for (float value : block) {
                        largest = Math.max(largest, Math.abs(value));
                    }
                    for (int i = 0; i < 32; i++) {
                        float error = Math.abs(value(matrix, row, at + i) - block[i]);
                        assertThat(error).isLessThanOrEqualTo(largest / 127 * 0.57f);
                    }
                }
            }
        }
    }

    /** The plain rule, the largest number becoming −8, is one of the candidates: in sum no other choice may be worse. */
    @Test
    void fourBitsHaveAtMostTheErrorOfThePlainRule() {
        SplittableRandom random = new SplittableRandom(4);
        MemorySegment data = MemorySegment.ofArray(new byte[4 * ROWS * COLUMNS]);
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, (float) random.nextGaussian());
        }
        Tensor tensor = new Tensor("weights", DType.F32, new long[] {ROWS, COLUMNS}, data);
        double error = 0;
        double plainError = 0;
        try (CpuCompute compute = new CpuCompute(1)) {
            CpuMatrix matrix = (CpuMatrix) compute.matrix(tensor, Quantization.Q4_0);
            assertThat(matrix.type().fourBits()).isTrue();
            float[] block = new float[32];
            for (int row = 0; row < ROWS; row++) {
                for (int at = 0; at < COLUMNS; at += 32) {
                    tensor.read((long) row * COLUMNS + at, 32, block);
                    float peak = 0;
                    for (float value : block) {
                        peak = Math.abs(value) > Math.abs(peak) ? value : peak;
                    }
                    for (int i = 0; i < 32; i++) {
                        double q = Math.clamp(Math.rint(block[i] * -8 / peak), -8, 7);
                        plainError += Math.pow(block[i] - q * peak / -8, 2);
                        error += Math.pow(block[i] - value(matrix, row, at + i), 2);
                    }
                }
            }
        }
        assertThat(error).isBetween(0.5 * plainError, 0.95 * plainError);
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_ANY, names = "Q.*")
    void infiniteScalesAreRefused(DType type) {
        Tensor tensor = random(type);
        long scale = 5L * type.bytes() + (type == DType.Q6_K ? 208 : 0);
        tensor.data().set(ValueLayout.JAVA_SHORT_UNALIGNED, scale, (short) 0x7c00);
        try (CpuCompute compute = new CpuCompute(1)) {
            assertThatThrownBy(() -> compute.matrix(tensor, Quantization.NONE))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("weights has an infinite or undefined number in row");
        }
    }

    private static float value(CpuMatrix matrix, int row, int column) {
        int panel = row / CpuMatrix.PANEL;
        int lane = row % CpuMatrix.PANEL;
        return matrix.scale(panel, column / CpuMatrix.BLOCK, lane) * matrix.weight(panel, column, lane);
    }

    /** Random blocks with scales of a natural size. */
    private static Tensor random(DType type) {
        SplittableRandom random = new SplittableRandom(type.ordinal());
        byte[] bytes = new byte[Math.toIntExact(type.bytes((long) ROWS * COLUMNS))];
        random.nextBytes(bytes);
        MemorySegment data = MemorySegment.ofArray(bytes);
        int first = type == DType.Q6_K ? 208 : 0;
        int count = type.isScaledIntegers() || type == DType.Q6_K ? 1 : 2;
        for (int block = 0; block < bytes.length; block += type.bytes()) {
            for (int i = 0; i < count; i++) {
                short half = Float.floatToFloat16((float) random.nextDouble(-0.01, 0.01));
                data.set(ValueLayout.JAVA_SHORT_UNALIGNED, block + first + 2L * i, half);
            }
        }
        return new Tensor("weights", type, new long[] {ROWS, COLUMNS}, data);
    }
}
