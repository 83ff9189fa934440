package dev.cairn.server.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Makes the meters of a registry, each with its help text. */
final class Meters {
  private final MeterRegistry registry;

  Meters(MeterRegistry registry) {
    this.registry = registry;
  }

  Counter counter(String name, String help, String... tags) {
    return Counter.builder(name).description(help).tags(tags).register(registry);
  }

  /** A histogram of seconds. */
  Timer timer(String name, String help, Duration min, Duration max) {
    return Timer.builder(name)
        .description(help)
        .serviceLevelObjectives(buckets(min, max))
        .register(registry);
  }

  /** A histogram of counts. */
  DistributionSummary summary(String name, String help) {
    return DistributionSummary.builder(name)
        .description(help)
        .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
        .register(registry);
  }

  /** Bounds in steps of 1, 2 and 5: a metric of this kind costs about fifteen lines. */
  private static Duration[] buckets(Duration min, Duration max) {
    List<Duration> bounds = new ArrayList<>();
    int[] steps = {1, 2, 5};
    for (long decade = 1; decade <= max.toNanos(); decade *= 10) {
      for (int step : steps) {
        Duration bound = Duration.ofNanos(decade * step);
        if (bound.compareTo(min) >= 0 && bound.compareTo(max) <= 0) {
          bounds.add(bound);
        }
      }
    }
    return bounds.toArray(Duration[]::new);
  }

  static Duration duration(long nanos) {
    return Duration.ofNanos(Math.max(0, nanos));
  }
}
