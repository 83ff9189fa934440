package dev.cairn.server.http;

/**
 * What is left of an allowance that refills all the time: as much in a minute as it holds. An
 * amount above what it holds is given when it is full, and leaves it in debt.
 */
final class TokenBucket {
  private static final double NANOS_PER_MINUTE = 60e9;

  private final double perMinute;
  private double left;
  private long atNanos;

  TokenBucket(long perMinute, long nowNanos) {
    this.perMinute = perMinute;
    this.left = perMinute;
    this.atNanos = nowNanos;
  }

  private void refill(long nowNanos) {
    double more = Math.max(0, nowNanos - atNanos) / NANOS_PER_MINUTE * perMinute;
    left = Math.min(perMinute, left + more);
    atNanos = nowNanos;
  }

  /** How long until an amount could be taken, nanoseconds; 0: now. */
  long nanosUntil(long amount, long nowNanos) {
    refill(nowNanos);
    double missing = Math.min(amount, perMinute) - left;
    return missing <= 0 ? 0 : (long) Math.ceil(missing / perMinute * NANOS_PER_MINUTE);
  }

  void take(long amount) {
    left -= amount;
  }

  long limit() {
    return (long) perMinute;
  }

  /** What could be taken now. */
  long left() {
    return Math.max(0, (long) left);
  }

  /** How long until it is full, nanoseconds. */
  long nanosUntilFull() {
    return (long) Math.ceil((perMinute - left) / perMinute * NANOS_PER_MINUTE);
  }

  boolean isFor(long limit) {
    return perMinute == limit;
  }
}
