package dev.cairn.scheduling;

/**
 * What steps take on this device, as measured: a step of decode rows alone, by how many there are,
 * and a prefill token on top of them.
 */
final class StepTimes {
  /** Weight of a new measurement in the running means. */
  private static final double SMOOTHING = 0.1;

  /** Until something was measured: a prefill token on a small CPU. */
  private static final double ASSUMED_PREFILL_NANOS = 100_000;

  private final double latencyFactor;
  private final int minChunk;

  /** By the logarithm of the number of rows; 0: not measured yet. */
  private final double[] decodeNanos = new double[32];

  private double prefillTokenNanos;

  StepTimes(double latencyFactor, int minChunk) {
    this.latencyFactor = latencyFactor;
    this.minChunk = minChunk;
  }

  /** A step ended. */
  void stepTook(long nanos, int decodeRows, int prefillTokens) {
    if (prefillTokens == 0) {
      int rows = bucket(decodeRows);
      decodeNanos[rows] = mean(decodeNanos[rows], nanos);
    } else {
      double alone = decodeRows == 0 ? 0 : alone(decodeRows);
      if (decodeRows == 0 || alone > 0) {
        prefillTokenNanos = mean(prefillTokenNanos, Math.max(1, nanos - alone) / prefillTokens);
      }
    }
  }

  double prefillTokenNanos() {
    return prefillTokenNanos > 0 ? prefillTokenNanos : ASSUMED_PREFILL_NANOS;
  }

  /** The part of a step's time that its prefill tokens stand for. */
  double prefillNanos(long nanos, int decodeRows, int prefillTokens) {
    return decodeRows == 0 ? nanos : Math.min(nanos, prefillTokens * prefillTokenNanos());
  }

  /**
   * Prefill tokens that a step with so many decode rows has room for, so that the streams which run
   * get their next token within the configured factor of the usual time.
   */
  int chunkRoom(int decodeRows, int most) {
    double alone = decodeRows == 0 ? 0 : alone(decodeRows);
    if (alone == 0) {
      return most;
    }
    double room = (latencyFactor - 1) * alone / prefillTokenNanos();
    return (int) Math.min(most, Math.max(minChunk, room));
  }

  /** What a step of so many decode rows takes, or of the nearest number that was measured. */
  private double alone(int rows) {
    int bucket = bucket(rows);
    for (int off = 0; off < decodeNanos.length; off++) {
      if (bucket - off >= 0 && decodeNanos[bucket - off] > 0) {
        return decodeNanos[bucket - off];
      }
      if (bucket + off < decodeNanos.length && decodeNanos[bucket + off] > 0) {
        return decodeNanos[bucket + off];
      }
    }
    return 0;
  }

  private static int bucket(int rows) {
    return 31 - Integer.numberOfLeadingZeros(Math.max(1, rows));
  }

  private static double mean(double mean, double value) {
    return mean == 0 ? Math.max(1, value) : mean + SMOOTHING * (value - mean);
  }
}
