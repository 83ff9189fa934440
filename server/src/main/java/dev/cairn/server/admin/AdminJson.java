package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestView;
import dev.cairn.cluster.admin.ClusterMember;
import dev.cairn.cluster.admin.Demand;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.cluster.admin.DrainReport;
import dev.cairn.cluster.admin.JournalReport;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.OwnDevice;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.cluster.admin.TenantRow;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.placement.Verdict;
import dev.cairn.request.Attempt;
import dev.cairn.request.Snapshot;
import dev.cairn.request.Snapshot.Finish;
import dev.cairn.server.http.Json;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** What the admin routes say, as {@code docs/openapi/admin.yaml} describes it. */
final class AdminJson {
  private static final double NANOS_PER_SECOND = 1e9;

  private AdminJson() {}

  /** A list, and the nodes that did not answer for it. */
  static ObjectNode list(List<ObjectNode> data, List<String> unanswered) {
    ObjectNode out = Json.object();
    out.put("object", "list");
    data.forEach(out.putArray("data")::add);
    unanswered.forEach(out.putArray("unanswered")::add);
    return out;
  }

  static ObjectNode request(RequestRow row) {
    ObjectNode out = Json.object();
    out.put("id", row.id());
    out.put("node", row.node());
    out.put("model", row.model());
    out.put("state", text(row.state()));
    out.put("finish_reason", reason(row.finish()));
    out.put("band", text(row.band()));
    out.put("tenant", row.tenant());
    out.put("parent", row.parent());
    out.put("device", row.device());
    out.put("epoch", row.epoch());
    out.put("prompt_tokens", row.promptTokens());
    out.put("completion_tokens", row.tokens());
    out.put("max_tokens", row.maxTokens());
    out.put("created", row.submittedAtMillis() / 1000);
    return out;
  }

  /** A request in full, without its prompt and its text. */
  static ObjectNode request(RequestView view) {
    RequestSpec spec = view.spec();
    Snapshot now = view.snapshot();
    ObjectNode out = Json.object();
    out.put("id", spec.id());
    out.put("object", "cairn.request");
    out.put("model", spec.model());
    out.put("model_fingerprint", spec.modelFingerprint());
    out.put("state", text(now.state()));
    out.put("finish_reason", reason(now.finish()));
    out.put("detail", now.finish().map(Finish::detail).orElse(""));
    out.put("band", text(now.band()));
    out.put("epoch", now.epoch());
    ArrayNode attempts = out.putArray("attempts");
    for (Attempt attempt : now.attempts()) {
      ObjectNode each = attempts.addObject();
      each.put("epoch", attempt.epoch());
      each.put("first_index", attempt.firstIndex());
      each.put("device", attempt.device());
      each.put("numerics_version", attempt.numericsVersion());
    }
    out.put("prompt_tokens", spec.promptTokens().length);
    out.put("completion_tokens", now.tokens().size());
    out.put("max_tokens", spec.maxTokens());
    out.put("created", spec.submittedAtMillis() / 1000);
    out.put("timeout_ms", spec.timeoutMillis());
    Scheduling scheduling = spec.scheduling();
    out.put("tenant", scheduling.tenant());
    out.put("parent", scheduling.parent());
    out.put("session", scheduling.session());
    out.put("group", scheduling.group());
    ObjectNode constraints = out.putObject("constraints");
    constraints.put("backend", spec.constraints().backend());
    constraints.put("weight_type", spec.constraints().weightType());
    constraints.put("architecture", spec.constraints().architecture());
    constraints.put("min_kv_tokens", spec.constraints().minKvTokens());
    return out;
  }

  /** The same, and what placement thinks of the devices for it. */
  static ObjectNode request(RequestView view, Optional<RequestActor.Explanation> explanation) {
    ObjectNode out = request(view);
    verdicts(out.putArray("decision"), explanation.map(e -> e.decision()).orElse(List.of()));
    verdicts(out.putArray("candidates"), explanation.map(e -> e.now()).orElse(List.of()));
    return out;
  }

  private static void verdicts(ArrayNode out, List<Verdict> verdicts) {
    for (Verdict verdict : verdicts) {
      ObjectNode each = out.addObject();
      each.put("device", verdict.device());
      put(each, "seconds", verdict.seconds());
      each.put("reason", verdict.reason());
    }
  }

  static ObjectNode drain(DrainReport report) {
    ObjectNode out = Json.object();
    out.put("node", report.node());
    out.put("draining", report.draining());
    out.put("drained", report.drained());
    out.put("requests", report.requests());
    out.put("shards", report.shards());
    out.put("device_requests", report.deviceRequests());
    return out;
  }

  /**
   * A member of the cluster.
   *
   * @param report what it says of itself; empty where it did not answer
   * @param device its device as gateways see it; empty where none does
   */
  static ObjectNode node(
      ClusterMember member, Optional<NodeReport> report, Optional<DeviceRow> device) {
    ObjectNode out = Json.object();
    out.put("node", member.node());
    out.put("status", member.status().toLowerCase(Locale.ROOT));
    out.put("reachable", member.reachable());
    member.roles().forEach(out.putArray("roles")::add);
    out.put("answers", report.isPresent());
    List<String> reasons = report.map(NodeReport::notReady).orElse(List.of());
    out.put("ready", report.isPresent() && reasons.isEmpty());
    reasons.forEach(out.putArray("reasons")::add);
    out.put("draining", report.map(NodeReport::draining).orElse(false));
    out.put("unfinished", report.map(NodeReport::unfinished).orElse(0));
    out.put("max_unfinished", report.map(NodeReport::maxUnfinished).orElse(0));
    out.put("readers", report.map(NodeReport::readers).orElse(0));
    if (device.isPresent()) {
      out.set("device", device(device.get(), report.flatMap(NodeReport::device)));
    } else {
      out.putNull("device");
    }
    return out;
  }

  private static ObjectNode device(DeviceRow row, Optional<OwnDevice> own) {
    ObjectNode out = Json.object();
    out.put("name", row.name());
    out.put("model_fingerprint", row.modelFingerprint());
    out.put("backend", row.backend());
    out.put("numerics_version", row.numericsVersion());
    out.put("max_context", row.maxContext());
    out.put("answers", row.answers());
    out.put("draining", row.draining());
    out.put("queue_tokens", row.queuedTokens());
    put(out, "tokens_per_second", row.tokensPerSecond());
    put(out, "round_trip_seconds", row.roundTripSeconds());
    out.put("kv_tokens", row.kvTokens());
    out.put("kv_tokens_used", own.map(OwnDevice::kvTokensUsed).orElse(0L));
    out.put("kv_tokens_cached", own.map(OwnDevice::kvTokensCached).orElse(0L));
    out.put("running", own.map(OwnDevice::running).orElse(0));
    out.put("queued", own.map(OwnDevice::queued).orElse(0));
    out.put("slots_used", own.map(OwnDevice::slotsUsed).orElse(0));
    out.put("slots", own.map(OwnDevice::slots).orElse(0));
    return out;
  }

  static ObjectNode tenant(TenantRow row) {
    ObjectNode out = Json.object();
    out.put("tenant", row.tenant());
    out.put("accepted", row.waiting());
    out.put("assigned", row.assigned());
    out.put("paused", row.paused());
    out.put("prompt_tokens", row.promptTokens());
    out.put("completion_tokens", row.tokens());
    out.put("remaining_tokens", row.remainingTokens());
    TenantRow.AtDevices devices = row.devices();
    out.put("running", devices.running());
    out.put("queued", devices.queued());
    out.put("budget_tokens", devices.budgetTokens());
    out.put("spent_tokens", devices.spentTokens());
    out.put("demoted", devices.demoted() > 0);
    out.put("tenant_paused", devices.paused() > 0);
    return out;
  }

  static ObjectNode journal(String node, JournalReport report) {
    ObjectNode out = Json.object();
    out.put("node", node);
    out.put("profile", report.profile());
    out.put("durability", report.durability());
    out.put("commits", report.commits());
    out.put("events", report.events());
    out.put("event_bytes", report.bytes());
    out.put("disk_bytes", report.diskBytes());
    out.put("last_commit_seconds", report.lastCommitNanos() / NANOS_PER_SECOND);
    out.put("current_commit_seconds", report.currentCommitNanos() / NANOS_PER_SECOND);
    out.put("queue_depth", report.queueDepth());
    out.put("overloads", report.overloads());
    out.put("failed_writes", report.failedWrites());
    out.put("disk_full", report.diskFull());
    out.put("unfinished_requests", report.unfinishedRequests());
    out.put("finished_requests", report.finishedRequests());
    out.put("failure", report.failure());
    return out;
  }

  static ObjectNode demand(Demand demand) {
    ObjectNode out = Json.object();
    out.put("model", demand.model());
    out.put("model_fingerprint", demand.modelFingerprint());
    out.put("devices", demand.devices());
    out.put("queue_tokens", demand.queueTokens());
    put(out, "tokens_per_second", demand.tokensPerSecond());
    out.put("kv_tokens", demand.kvTokens());
    out.put("kv_tokens_free", demand.kvTokensFree());
    out.put("running", demand.running());
    out.put("queued", demand.queued());
    out.put("unplaced", demand.unplaced());
    out.put("suggested_devices", demand.suggestedDevices());
    out.put("reason", demand.reason());
    return out;
  }

  static void put(ObjectNode out, String name, OptionalDouble value) {
    if (value.isPresent()) {
      out.put(name, value.getAsDouble());
    } else {
      out.putNull(name);
    }
  }

  private static String reason(Optional<Finish> finish) {
    return finish.map(end -> text(end.reason())).orElse(null);
  }

  static String text(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
