package dev.cairn.model.gguf;

import java.util.Optional;

/** Metadata value types with the numbers of the format (GGUF specification, metadata types). */
public enum GgufType {
  UINT8(0, 1),
  INT8(1, 1),
  UINT16(2, 2),
  INT16(3, 2),
  UINT32(4, 4),
  INT32(5, 4),
  FLOAT32(6, 4),
  BOOL(7, 1),
  STRING(8, 8),
  ARRAY(9, 12),
  UINT64(10, 8),
  INT64(11, 8),
  FLOAT64(12, 8);

  private static final GgufType[] BY_ID = values();

  private final int id;
  private final int minBytes;

  GgufType(int id, int minBytes) {
    this.id = id;
    this.minBytes = minBytes;
  }

  /** The type's number in a GGUF file. */
  public int id() {
    return id;
  }

  /** Bytes that a value takes in the file; of strings and arrays the least that it takes. */
  public int minBytes() {
    return minBytes;
  }

  boolean isNumber() {
    return this != STRING && this != ARRAY && this != BOOL;
  }

  boolean isInteger() {
    return isNumber() && this != FLOAT32 && this != FLOAT64;
  }

  static Optional<GgufType> byId(int id) {
    return id >= 0 && id < BY_ID.length ? Optional.of(BY_ID[id]) : Optional.empty();
  }
}
