package dev.cairn.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.scheduling.TenantStats;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class TenantMetricsTest {
  private static TenantStats stats(String tenant, int running, long tokens, boolean spent) {
    return new TenantStats(
        tenant,
        1,
        running,
        2,
        9,
        tokens * 1_000_000,
        tokens,
        spent ? 7 : 1,
        7,
        spent ? 1 : 0,
        false);
  }

  @Test
  @DisplayName("what tenants run, wait for, use and cost has their names")
  void values() {
    try (CairnMetrics metrics = new CairnMetrics(4)) {
      metrics.tenants("cpu-0", List.of(stats("a", 3, 2000, true), stats("", 1, 10, false)));
      assertThat(metrics.scrape())
          .contains(
              "cairn_tenant_running{tenant=\"a\"} 3.0",
              "cairn_tenant_running{tenant=\"none\"} 1.0",
              "cairn_tenant_queued{tenant=\"a\"} 2.0",
              "cairn_tenant_demoted{tenant=\"a\"} 1.0",
              "cairn_tenant_demoted{tenant=\"none\"} 0.0",
              "cairn_tenant_paused{tenant=\"a\"} 0.0",
              "cairn_tenant_demotions_total{tenant=\"a\"} 1.0",
              "cairn_tenant_tokens_total{tenant=\"a\"} 2000.0",
              "cairn_tenant_cost_seconds_total{tenant=\"a\"} 2.0");
      metrics.tenants("cpu-0", List.of(stats("a", 1, 2500, false)));
      assertThat(metrics.scrape())
          .contains(
              "cairn_tenant_running{tenant=\"a\"} 1.0",
              "cairn_tenant_running{tenant=\"none\"} 0.0",
              "cairn_tenant_demoted{tenant=\"a\"} 0.0",
              "cairn_tenant_tokens_total{tenant=\"a\"} 2500.0",
              "cairn_tenant_tokens_total{tenant=\"none\"} 10.0");
      metrics.tenants("hip-0", List.of(stats("a", 4, 7, true)));
      assertThat(metrics.scrape())
          .contains(
              "cairn_tenant_running{tenant=\"a\"} 5.0",
              "cairn_tenant_demoted{tenant=\"a\"} 1.0",
              "cairn_tenant_tokens_total{tenant=\"a\"} 2507.0");
      // The device began anew, and so did what it counts.
      metrics.tenants("cpu-0", List.of(stats("a", 1, 100, false)));
      assertThat(metrics.scrape()).contains("cairn_tenant_tokens_total{tenant=\"a\"} 2607.0");
    }
  }

  @Test
  @DisplayName("so many tenants have a label of their own, and all others one together")
  void boundedLabels() {
    try (CairnMetrics metrics = new CairnMetrics(2)) {
      for (int i = 0; i < 1000; i++) {
        metrics.tenantRefused("t" + i, "requests");
      }
      metrics.tenants(
          "cpu-0",
          List.of(stats("t0", 1, 5, false), stats("x", 1, 5, true), stats("y", 2, 5, true)));
      String scrape = metrics.scrape();
      assertThat(scrape.lines().filter(line -> line.startsWith("cairn_tenant_refused_total")))
          .containsExactlyInAnyOrder(
              "cairn_tenant_refused_total{bound=\"requests\",tenant=\"t0\"} 1.0",
              "cairn_tenant_refused_total{bound=\"requests\",tenant=\"t1\"} 1.0",
              "cairn_tenant_refused_total{bound=\"requests\",tenant=\"other\"} 998.0");
      assertThat(scrape)
          .contains(
              "cairn_tenant_running{tenant=\"other\"} 3.0",
              "cairn_tenant_demoted{tenant=\"other\"} 2.0",
              "cairn_tenant_tokens_total{tenant=\"other\"} 10.0");
    }
  }
}
