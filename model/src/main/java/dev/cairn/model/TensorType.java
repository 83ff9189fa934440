package dev.cairn.model;

import java.util.Optional;

/**
 * Tensor element types of GGUF, with the ids of the format (source: GGUF specification, {@code
 * ggml_type}). A type stores {@link #blockLength()} consecutive elements of a row in {@link
 * #blockBytes()} bytes.
 */
public enum TensorType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  BF16(30, 1, 2);

  private static final TensorType[] BY_ID = new TensorType[64];

  static {
    for (TensorType type : values()) {
      BY_ID[type.id] = type;
    }
  }

  private final int id;
  private final int blockLength;
  private final int blockBytes;

  TensorType(int id, int blockLength, int blockBytes) {
    this.id = id;
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
  }

  /** The type's number in a GGUF file. */
  public int id() {
    return id;
  }

  /** Elements of one block; a row's length is a multiple of it. */
  public int blockLength() {
    return blockLength;
  }

  /** Bytes of one block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** The type with this GGUF number, or empty where Cairn does not know it. */
  public static Optional<TensorType> byId(int id) {
    return id >= 0 && id < BY_ID.length ? Optional.ofNullable(BY_ID[id]) : Optional.empty();
  }
}
