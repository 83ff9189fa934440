package dev.cairn.device;

import java.util.Arrays;
import java.util.stream.Collectors;

/** What keys and values are kept in; the order is the native side's. */
enum KvType {
  F16,
  F32,
  Q8_0;

  private static final int VALUE_UNIT = 16;
  private static final int SCALE_UNIT = 32;

  /**
   * @throws DeviceException of kind MISUSE for an unknown name
   */
  static KvType of(String name) {
    return Arrays.stream(values())
        .filter(type -> type.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new DeviceException(
                    DeviceException.Kind.MISUSE,
                    "kvType is '"
                        + name
                        + "', expected one of "
                        + Arrays.stream(values())
                            .map(Enum::name)
                            .collect(Collectors.joining(", "))));
  }

  /** Bytes of one token of one key head of one layer, keys and values. */
  long tokenBytes(int headLength) {
    long elements = headLength + roundedUp(headLength, VALUE_UNIT);
    return switch (this) {
      case F16 -> 2 * elements;
      case F32 -> 4 * elements;
      case Q8_0 -> elements + 4 * roundedUp(headLength, SCALE_UNIT) / SCALE_UNIT;
    };
  }

  /** The numerics version of results that come from keys and values of this type. */
  String numericsVersion(String version) {
    return this == F16 ? version : version + "-kv-" + name();
  }

  private static long roundedUp(int n, int unit) {
    return (n + unit - 1L) / unit * unit;
  }
}
