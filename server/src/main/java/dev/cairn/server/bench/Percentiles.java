package dev.cairn.server.bench;

import java.util.Arrays;

/** Percentiles of a set of measurements, by the nearest rank. */
final class Percentiles {
  private static final double UNITS_PER_ROUNDED = 1e4;

  private final double[] sorted;

  private Percentiles(double[] sorted) {
    this.sorted = sorted;
  }

  static Percentiles of(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Percentiles(sorted);
  }

  /**
   * The smallest value that is not less than so many of all, rounded to 4 decimals; 0 where there
   * are none.
   *
   * @param percent above 0, up to 100
   */
  double at(int percent) {
    if (sorted.length == 0) {
      return 0;
    }
    int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
    return round(sorted[Math.max(0, rank - 1)]);
  }

  static double round(double value) {
    return Math.round(value * UNITS_PER_ROUNDED) / UNITS_PER_ROUNDED;
  }
}
