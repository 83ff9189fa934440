package dev.cairn.model.synth;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlockQuantizerTest {
  private static final int LENGTH = 2048;

  /** Root mean square of the error over that of bell-shaped numbers: what the bits allow. */
  private static final Map<TensorType, Double> ERROR =
      Map.ofEntries(
          Map.entry(TensorType.F32, 1e-9),
          Map.entry(TensorType.F16, 3e-4),
          Map.entry(TensorType.BF16, 2e-3),
          Map.entry(TensorType.Q8_0, 0.007),
          Map.entry(TensorType.Q6_K, 0.022),
          Map.entry(TensorType.Q5_0, 0.05),
          Map.entry(TensorType.Q5_1, 0.045),
          Map.entry(TensorType.Q5_K, 0.045),
          Map.entry(TensorType.Q4_0, 0.10),
          Map.entry(TensorType.Q4_1, 0.09),
          Map.entry(TensorType.Q4_K, 0.09),
          Map.entry(TensorType.Q3_K, 0.21),
          Map.entry(TensorType.Q2_K, 0.37));

  @ParameterizedTest
  @EnumSource(TensorType.class)
  @DisplayName("what is read back is what was written, as closely as the bits allow")
  void storesRows(TensorType type) {
    float[] row = row(7, 0.03f);
    StoredRow stored = encode(type, row);

    double error = 0;
    double all = 0;
    for (int i = 0; i < LENGTH; i++) {
      error += Math.pow(stored.get(i) - row[i], 2);
      all += row[i] * row[i];
    }

    assertThat(Math.sqrt(error / all))
        .isLessThan(ERROR.get(type))
        .isGreaterThanOrEqualTo(type == TensorType.F32 ? 0 : ERROR.get(type) / 4);
  }

  @ParameterizedTest
  @EnumSource(TensorType.class)
  @DisplayName("a row of zeros is read back as zeros")
  void storesZeros(TensorType type) {
    StoredRow stored = encode(type, new float[LENGTH]);

    for (int i = 0; i < LENGTH; i++) {
      assertThat(stored.get(i)).isZero();
    }
  }

  @Test
  @DisplayName("every half is read as itself, and what lies between is rounded to even")
  void roundsHalves() {
    for (int bits = 0; bits < 0x7c00; bits++) {
      float value = HalfFloat.toFloat((short) bits);
      assertThat(HalfFloat.of(value)).isEqualTo((short) bits);
      assertThat(HalfFloat.of(-value)).isEqualTo((short) (bits | 0x8000));
      float middle = (value + HalfFloat.toFloat((short) (bits + 1))) / 2;
      if (bits + 1 < 0x7c00) {
        assertThat(HalfFloat.of(middle)).isEqualTo((short) (bits + (bits & 1)));
      }
    }
    assertThat(HalfFloat.of(1e6f)).isEqualTo((short) 0x7c00);
  }

  private static float[] row(long seed, float deviation) {
    SeededNumbers random = new SeededNumbers(seed, 1);
    float[] row = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      row[i] = deviation * random.bell();
    }
    return row;
  }

  private static StoredRow encode(TensorType type, float[] row) {
    int bytes = LENGTH / type.blockLength() * type.blockBytes();
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    new BlockQuantizer().encode(type, row, out);
    assertThat(out.position()).isEqualTo(bytes);
    return new StoredRow(type, out);
  }
}
