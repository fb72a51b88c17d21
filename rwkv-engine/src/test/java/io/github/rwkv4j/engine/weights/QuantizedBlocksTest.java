package io.github.rwkv4j.engine.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.rwkv4j.engine.errors.CheckpointException;
import io.github.rwkv4j.engine.testing.TestData;
import java.lang.foreign.MemorySegment;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Quantised blocks against the values that the original library decodes from them. */
class QuantizedBlocksTest {
    private static final JsonNode GOLDEN = JsonMapper.shared()
            .readTree(TestData.resource("golden/quants/blocks.json").toFile());

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
    void decodesTheGoldenBlocks(DType type) {
        float[] expected = expected(type);
        Tensor tensor = tensor(type);
        assertThat(type.blockSize())
                .isEqualTo(GOLDEN.get(type.name()).get("elements_per_block").asInt());
        assertThat(type.bytes())
                .isEqualTo(GOLDEN.get(type.name()).get("bytes_per_block").asInt());
        assertThat(tensor.elements()).isEqualTo(expected.length).isGreaterThan(90);
        float[] values = new float[expected.length];
        tensor.read(0, values.length, values);
        for (int i = 0; i < values.length; i++) {
            // The file has eight significant digits.
            assertThat(values[i]).as("%s %d", type, i).isCloseTo(expected[i], within(1.1f * Math.ulp(expected[i])));
            assertThat(tensor.get(i)).isEqualTo(values[i]);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.MATCH_ANY, names = "Q.*")
    void readsAnyPartOfARow(DType type) {
        Tensor tensor = tensor(type);
        float[] whole = new float[Math.toIntExact(tensor.elements())];
        tensor.read(0, whole.length, whole);
        for (int from = 0; from < whole.length; from += 7) {
            for (int count : new int[] {0, 1, type.blockSize() - 1, type.blockSize() + 5}) {
                if (from + count <= whole.length) {
                    float[] part = new float[count];
                    tensor.read(from, count, part);
                    assertThat(part).isEqualTo(java.util.Arrays.copyOfRange(whole, from, from + count));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q5_0", "Q8_0"})
    void aScaleTimesAnIntegerIsTheValue(DType type) {
        Tensor tensor = tensor(type);
        assertThat(type.isScaledIntegers()).isTrue();
        byte[] integers = new byte[32];
        for (int block = 0; block < tensor.elements() / 32; block++) {
            tensor.blockIntegers(block, integers);
            float scale = Float.float16ToFloat(tensor.blockScale(block));
            for (int i = 0; i < 32; i++) {
                assertThat(scale * integers[i]).isEqualTo(tensor.get(32L * block + i));
            }
        }
    }

    @Test
    void rowsOfQuantisedTensorsAreWholeBlocks() {
        MemorySegment data = MemorySegment.ofArray(new byte[34]);
        assertThatThrownBy(() -> new Tensor("t", DType.Q8_0, new long[] {2, 16}, data))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("shape [2, 16] has rows that are no whole blocks of type Q8_0");
        assertThatThrownBy(() -> new Tensor("t", DType.Q8_0, new long[] {64}, data))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("needs 68 bytes but has 34");
    }

    @Test
    void sizesThatDoNotFitAreRefused() {
        assertThat(DType.Q6_K.bytes(512)).isEqualTo(420);
        assertThatThrownBy(() -> DType.Q6_K.bytes(300)).hasMessageContaining("no whole number of blocks of 256");
        assertThatThrownBy(() -> DType.F64.bytes(Long.MAX_VALUE)).hasMessageContaining("too large");
    }

    private static Tensor tensor(DType type) {
        byte[] blocks =
                Base64.getDecoder().decode(GOLDEN.get(type.name()).get("base64").stringValue());
        long elements = (long) blocks.length / type.bytes() * type.blockSize();
        return new Tensor("golden", type, new long[] {elements}, MemorySegment.ofArray(blocks));
    }

    private static float[] expected(DType type) {
        return JsonMapper.shared().treeToValue(GOLDEN.get(type.name()).get("values"), float[].class);
    }
}
