package dev.cairn.model.synth;

import dev.cairn.model.TensorType;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Which element type each matrix of a synthetic model gets. */
public final class Quantization {
  private static final String MIXED = "Q4_K_M";

  /** What llama.cpp takes where a row is no multiple of 256, as far as Cairn knows the types. */
  private static final Map<TensorType, TensorType> FALLBACK =
      new EnumMap<>(
          Map.of(
              TensorType.Q2_K, TensorType.Q4_0,
              TensorType.Q3_K, TensorType.Q4_0,
              TensorType.Q4_K, TensorType.Q5_0,
              TensorType.Q5_K, TensorType.Q5_1,
              TensorType.Q6_K, TensorType.Q8_0));

  private final TensorType type;
  private final boolean mixed;

  private Quantization(TensorType type, boolean mixed) {
    this.type = type;
    this.mixed = mixed;
  }

  /**
   * By name: an element type, or {@code Q4_K_M}, the mix that files of this name have (Q6_K for the
   * output, and for attention values and the feed-forward's way down in half of the layers).
   */
  public static Quantization parse(String name) {
    if (name.equals(MIXED)) {
      return new Quantization(TensorType.Q4_K, true);
    }
    for (TensorType type : TensorType.values()) {
      if (type.name().equals(name)) {
        return new Quantization(type, false);
      }
    }
    throw new IllegalArgumentException(
        "The quantization is '"
            + name
            + "'; expected one of "
            + Stream.concat(Stream.of(TensorType.values()).map(Enum::name), Stream.of(MIXED))
                .collect(Collectors.joining(", "))
            + ".");
  }

  /** The type of the matrix that makes logits. */
  TensorType output(int rowLength) {
    return fitting(mixed ? TensorType.Q6_K : type, rowLength);
  }

  /** The type of most matrices. */
  TensorType matrix(int rowLength) {
    return fitting(type, rowLength);
  }

  /** The type of the matrices of a layer that a mix treats better in some layers. */
  TensorType sensitive(int layer, int layers, int rowLength) {
    int eighth = layers / 8;
    boolean better =
        layer < eighth || layer >= 7 * layers / 8 || Math.floorMod(layer - eighth, 3) == 2;
    return fitting(mixed && better ? TensorType.Q6_K : type, rowLength);
  }

  private static TensorType fitting(TensorType wanted, int rowLength) {
    TensorType type =
        rowLength % wanted.blockLength() == 0 ? wanted : FALLBACK.getOrDefault(wanted, wanted);
    if (rowLength % type.blockLength() != 0) {
      throw new IllegalArgumentException(
          "Rows of "
              + rowLength
              + " numbers cannot be of type "
              + type
              + "; expected a multiple of "
              + type.blockLength()
              + ".");
    }
    return type;
  }
}
