package dev.cairn.tests;

import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How long streams stood still, in summary.
 *
 * @param count number of streams
 */
record Pauses(int count, long medianMillis, long p99Millis, long longestMillis) {
  static Pauses of(List<Long> nanos) {
    List<Long> sorted = nanos.stream().map(TimeUnit.NANOSECONDS::toMillis).sorted().toList();
    return new Pauses(
        sorted.size(), at(sorted, 0.5), at(sorted, 0.99), sorted.isEmpty() ? 0 : at(sorted, 1));
  }

  private static long at(List<Long> sorted, double share) {
    if (sorted.isEmpty()) {
      return 0;
    }
    int index = (int) Math.ceil(share * sorted.size()) - 1;
    return sorted.get(Math.max(0, index));
  }

  @Override
  public String toString() {
    return medianMillis + " ms (p50), " + p99Millis + " ms (p99), " + longestMillis + " ms (most)";
  }
}
