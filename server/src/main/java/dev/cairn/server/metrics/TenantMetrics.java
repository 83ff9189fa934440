package dev.cairn.server.metrics;

import dev.cairn.scheduling.TenantStats;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Metrics by tenant. So many tenants have a label of their own, those that were there first; all
 * others share one, so that nobody makes labels without end by making names. Safe for any number of
 * threads.
 */
final class TenantMetrics {
  private static final String OTHER = "other";
  private static final String NONE = "none";
  private static final double NANOS_PER_SECOND = 1e9;

  private final MeterRegistry registry;
  private final int maxNamed;
  private final Set<String> named = new HashSet<>();

  /** What the schedulers said last, by device and tenant. */
  private final Map<String, Map<String, TenantStats>> seen = new HashMap<>();

  /** Gauges, by name and label. */
  private final Map<String, double[]> gauges = new HashMap<>();

  TenantMetrics(MeterRegistry registry, int maxNamed) {
    if (maxNamed < 0) {
      throw new IllegalArgumentException(
          "cairn.metrics.max-tenants is " + maxNamed + ", expected 0 or more");
    }
    this.registry = registry;
    this.maxNamed = maxNamed;
  }

  synchronized void refused(String tenant, String why) {
    Counter.builder("cairn.tenant.refused")
        .description("Calls refused because their tenant has used up what it may use, by bound.")
        .tag("tenant", label(tenant))
        .tag("bound", why)
        .register(registry)
        .increment();
  }

  /** Where tenants stand at one of the node's devices. */
  synchronized void stand(String device, List<TenantStats> all) {
    Map<String, TenantStats> before = seen.getOrDefault(device, Map.of());
    Map<String, TenantStats> now = new HashMap<>();
    for (TenantStats tenant : all) {
      now.put(tenant.tenant(), tenant);
      count(tenant, before.getOrDefault(tenant.tenant(), TenantStats.NONE));
    }
    seen.put(device, now);
    gauges.values().forEach(value -> value[0] = 0);
    seen.values().forEach(tenants -> tenants.values().forEach(this::gauge));
  }

  private void gauge(TenantStats tenant) {
    String label = label(tenant.tenant());
    gauge("cairn.tenant.running", "Requests that devices work on.", label, tenant.running());
    gauge("cairn.tenant.queued", "Requests that wait at devices.", label, tenant.waiting());
    gauge(
        "cairn.tenant.demoted",
        "Devices on which a tenant's budget of tokens is spent: it is served with the batch band.",
        label,
        tenant.isSpent() ? 1 : 0);
    gauge(
        "cairn.tenant.paused",
        "Devices on which a tenant is paused.",
        label,
        tenant.isHeld() ? 1 : 0);
  }

  private void count(TenantStats now, TenantStats before) {
    String label = label(now.tenant());
    count(
        "cairn.tenant.tokens",
        "Tokens that went through the model, prompt and output.",
        label,
        more(now.servedTokens(), before.servedTokens()));
    count(
        "cairn.tenant.cost.seconds",
        "Time of devices that was charged.",
        label,
        more(now.servedNanos(), before.servedNanos()) / NANOS_PER_SECOND);
    count(
        "cairn.tenant.demotions",
        "Times that a tenant spent its budget of tokens.",
        label,
        more(now.demotions(), before.demotions()));
  }

  /** A tenant that was forgotten meanwhile, or whose device began anew, counts from 0 again. */
  private static double more(long now, long before) {
    return now >= before ? now - before : now;
  }

  private String label(String tenant) {
    if (tenant.isEmpty()) {
      return NONE;
    }
    if (named.contains(tenant)) {
      return tenant;
    }
    if (named.size() < maxNamed) {
      named.add(tenant);
      return tenant;
    }
    return OTHER;
  }

  private void gauge(String name, String help, String label, double value) {
    double[] sum =
        gauges.computeIfAbsent(
            name + "/" + label,
            unused -> {
              double[] made = new double[1];
              Gauge.builder(name, this, metrics -> metrics.read(made))
                  .description(help)
                  .tag("tenant", label)
                  .register(registry);
              return made;
            });
    sum[0] += value;
  }

  private synchronized double read(double[] value) {
    return value[0];
  }

  private void count(String name, String help, String label, double more) {
    Counter.builder(name).description(help).tag("tenant", label).register(registry).increment(more);
  }
}
