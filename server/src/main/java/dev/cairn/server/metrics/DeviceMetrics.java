package dev.cairn.server.metrics;

import dev.cairn.actors.DeviceReading;
import dev.cairn.scheduling.PendingReason;
import dev.cairn.scheduling.SchedulingStats;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * Metrics of a node's devices, each with its name. A node has the devices that it was started with,
 * so the labels are bounded. Safe for any number of threads.
 */
final class DeviceMetrics {
  private static final double NANOS_PER_SECOND = 1e9;

  private final MeterRegistry registry;
  private final Map<String, Device> devices = new HashMap<>();

  DeviceMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  synchronized void read(DeviceReading reading) {
    devices.computeIfAbsent(reading.device(), Device::new).read(reading);
  }

  private final class Device {
    private final String name;
    private final Counter steps;
    private final Counter rows;
    private final Counter tokens;
    private final Counter busy;
    private volatile DeviceReading last =
        new DeviceReading("", SchedulingStats.NONE, Map.of(), 0, 0, 0, 0);

    Device(String name) {
      this.name = name;
      Meters meters = new Meters(registry);
      steps = meters.counter("cairn.device.steps", "Steps of a device.", "device", name);
      rows =
          meters.counter(
              "cairn.device.rows",
              "Chunks of prompt and decode rows in a device's steps; by steps: its mean batch.",
              "device",
              name);
      tokens =
          meters.counter(
              "cairn.device.tokens",
              "Tokens of prompts and outputs that a device computed.",
              "device",
              name);
      busy =
          meters.counter(
              "cairn.device.busy.seconds", "Time that a device's steps took.", "device", name);
      requests("running", r -> r.stats().running());
      requests("queued", r -> r.stats().queued());
      blocks("used", r -> r.stats().kvBlocksUsed());
      blocks(
          "free",
          r -> r.stats().kvBlocksTotal() - r.stats().kvBlocksUsed() - r.stats().kvBlocksCached());
      blocks("cached", r -> r.stats().kvBlocksCached());
      for (PendingReason.Code reason : PendingReason.Code.values()) {
        gauge(
            "cairn.device.waiting",
            "Requests that wait at a device, by the reason why.",
            "reason",
            reason.name().toLowerCase(Locale.ROOT),
            r -> r.waiting().getOrDefault(reason, 0));
      }
    }

    /** A scheduler that began anew counts from 0 again. */
    void read(DeviceReading now) {
      DeviceReading before = last;
      boolean anew = now.steps() < before.steps();
      steps.increment(now.steps() - (anew ? 0 : before.steps()));
      rows.increment(now.rows() - (anew ? 0 : before.rows()));
      tokens.increment(now.tokens() - (anew ? 0 : before.tokens()));
      busy.increment((now.busyNanos() - (anew ? 0 : before.busyNanos())) / NANOS_PER_SECOND);
      last = now;
    }

    private void requests(String state, ToLongFunction<DeviceReading> value) {
      gauge(
          "cairn.device.requests",
          "Requests at a device, in its steps or waiting.",
          "state",
          state,
          value);
    }

    private void blocks(String state, ToLongFunction<DeviceReading> value) {
      gauge("cairn.device.kv.blocks", "Blocks of a device's KV store.", "state", state, value);
    }

    private void gauge(
        String metric,
        String help,
        String label,
        String labelled,
        ToLongFunction<DeviceReading> value) {
      Gauge.builder(metric, this, device -> value.applyAsLong(device.last))
          .description(help)
          .tag("device", name)
          .tag(label, labelled)
          .strongReference(true)
          .register(registry);
    }
  }
}
