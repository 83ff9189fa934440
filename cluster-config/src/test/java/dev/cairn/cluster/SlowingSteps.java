package dev.cairn.cluster;

import dev.cairn.scheduling.SimulatedDevice;

/**
 * Lets a device run steps one at a time, each after a longer pause than the one before: fast at
 * first, and so slow in the end that fewer than 110 steps run in four minutes. What is done to a
 * request of 120 tokens meanwhile comes before its end, however slow the machine.
 */
final class SlowingSteps {
  private static final double GROWTH = 1.08;
  private double pauseNanos = 5_000_000;
  private long last = System.nanoTime();

  /** To be called again and again while something is waited for. */
  void allow(SimulatedDevice device) {
    long now = System.nanoTime();
    if (now - last > pauseNanos) {
      last = now;
      pauseNanos *= GROWTH;
      device.allow(1);
    }
  }
}
