package dev.cairn.model.gguf;

import java.util.Optional;

/** Metadata value types with the numbers of the format (GGUF specification, metadata types). */
public enum GgufType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(8),
  ARRAY(12),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private static final GgufType[] BY_ID = values();

  private final int minBytes;

  GgufType(int minBytes) {
    this.minBytes = minBytes;
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
