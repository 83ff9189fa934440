package dev.cairn.device;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Where weights are kept; the order is the native side's. */
enum WeightStore {
  PACKED,
  MAPPED;

  /**
   * @throws DeviceException of kind MISUSE for an unknown name
   */
  static WeightStore of(String name) {
    return Arrays.stream(values())
        .filter(store -> store.text().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new DeviceException(
                    DeviceException.Kind.MISUSE,
                    "weights is '"
                        + name
                        + "', expected one of "
                        + Arrays.stream(values())
                            .map(WeightStore::text)
                            .collect(Collectors.joining(", "))));
  }

  private String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
