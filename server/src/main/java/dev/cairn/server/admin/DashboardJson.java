package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.admin.Demand;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.cluster.admin.StateCounts;
import dev.cairn.server.http.Json;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** What the dashboard's page is told, as {@code docs/openapi/api.yaml} describes it. */
final class DashboardJson {
  private DashboardJson() {}

  /**
   * The newest requests.
   *
   * @param reasons why those wait that do, by id
   * @param counts of all, by state
   * @param more those of the wanted state that are not among them
   * @param unanswered nodes that did not say which they have
   */
  record Newest(
      List<RequestRow> rows,
      Map<String, Requests.Waiting> reasons,
      StateCounts counts,
      int more,
      List<String> unanswered) {}

  /**
   * All that a page is told.
   *
   * @param tenant whose requests alone are shown; empty: everybody's
   * @param refresh when the page may ask again
   * @param nowMillis milliseconds since the epoch
   * @param reports empty where who asks may not know of nodes
   */
  static ObjectNode state(
      String model,
      Optional<String> tenant,
      Duration refresh,
      long nowMillis,
      Newest requests,
      Optional<Gathered<NodeReport>> reports) {
    ObjectNode out = Json.object();
    out.put("object", "cairn.dashboard");
    out.put("model", model);
    out.put("tenant", tenant.orElse(null));
    out.put("refresh_ms", refresh.toMillis());
    out.set("requests", requests(requests, nowMillis));
    List<NodeReport> answers = reports.map(Gathered::answers).orElse(List.of());
    ArrayNode nodes = out.putArray("nodes");
    answers.forEach(report -> nodes.add(node(report)));
    ArrayNode devices = out.putArray("devices");
    Demand.devices(answers).forEach(device -> devices.add(device(device)));
    ArrayNode journals = out.putArray("journals");
    for (NodeReport report : answers) {
      report
          .journal()
          .ifPresent(journal -> journals.add(AdminJson.journal(report.node(), journal)));
    }
    TreeSet<String> unanswered = new TreeSet<>(requests.unanswered());
    reports.ifPresent(all -> unanswered.addAll(all.unanswered()));
    ArrayNode silent = out.putArray("unanswered");
    if (tenant.isEmpty()) {
      unanswered.forEach(silent::add);
    }
    return out;
  }

  private static ObjectNode requests(Newest newest, long nowMillis) {
    ObjectNode out = Json.object();
    ObjectNode counts = out.putObject("counts");
    counts.put("accepted", newest.counts().accepted());
    counts.put("assigned", newest.counts().assigned());
    counts.put("paused", newest.counts().paused());
    counts.put("finished", newest.counts().finished());
    ArrayNode data = out.putArray("data");
    for (RequestRow row : newest.rows()) {
      ObjectNode each = AdminJson.request(row);
      each.put("age_ms", Math.max(0, nowMillis - row.submittedAtMillis()));
      Requests.Waiting why = newest.reasons().get(row.id());
      if (why == null) {
        each.putNull("pending_reason");
      } else {
        each.putObject("pending_reason").put("code", why.code()).put("text", why.text());
      }
      data.add(each);
    }
    out.put("more", newest.more());
    return out;
  }

  private static ObjectNode node(NodeReport report) {
    ObjectNode out = Json.object();
    out.put("node", report.node());
    report.notReady().forEach(out.putArray("reasons")::add);
    out.put("draining", report.draining());
    out.put("unfinished", report.unfinished());
    out.put("max_unfinished", report.maxUnfinished());
    out.put("readers", report.readers());
    return out;
  }

  private static ObjectNode device(DeviceRow row) {
    ObjectNode out = Json.object();
    out.put("name", row.name());
    out.put("node", row.node());
    out.put("backend", row.backend());
    out.put("answers", row.answers());
    out.put("draining", row.draining());
    out.put("paused", row.paused());
    AdminJson.put(out, "tokens_per_second", row.tokensPerSecond());
    out.put("running", row.running());
    out.put("waiting", row.waiting());
    out.put("queue_tokens", row.queuedTokens());
    out.put("kv_tokens", row.kvTokens());
    out.put("kv_tokens_used", Math.max(0, row.kvTokens() - row.freeKvTokens()));
    return out;
  }
}
