package dev.cairn.model.synth;

/**
 * A random generator that gives the same numbers on every machine (source: SplitMix64, Steele, Lea
 * and Flood, "Fast splittable pseudorandom number generators", 2014).
 */
final class SeededNumbers {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  /** Standard deviation of the sum of four numbers that are uniform from 0 to 65,535. */
  private static final float DEVIATION = 37837.227f;

  private long state;

  /**
   * @param seed of the whole
   * @param stream numbers of different streams are independent
   */
  SeededNumbers(long seed, long stream) {
    this.state = mix(mix(seed + GAMMA) + stream * GAMMA);
  }

  long next() {
    state += GAMMA;
    return mix(state);
  }

  /** A number from 0 to bound - 1. */
  int below(int bound) {
    return (int) ((next() >>> 32) * bound >>> 32);
  }

  /** A number of mean 0 and deviation 1, bell-shaped: the sum of four uniform ones. */
  float bell() {
    long bits = next();
    long sum = (bits & 0xffff) + (bits >>> 16 & 0xffff) + (bits >>> 32 & 0xffff) + (bits >>> 48);
    return (sum - 131070) / DEVIATION;
  }

  private static long mix(long value) {
    long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
