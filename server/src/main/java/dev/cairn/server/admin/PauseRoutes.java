package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.PauseActor;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.Demand;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.server.http.ApiError;
import dev.cairn.server.http.Json;
import dev.cairn.server.http.Replies;
import dev.cairn.server.http.Router;
import dev.cairn.server.keys.KeyText;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Routes that pause tenants and devices. */
final class PauseRoutes {
  private static final int MAX_DEVICE = 200;

  private final ClusterAdmin cluster;
  private final AdminSettings settings;
  private final Executor executor;

  PauseRoutes(ClusterAdmin cluster, AdminSettings settings, Executor executor) {
    this.cluster = cluster;
    this.settings = settings;
    this.executor = executor;
  }

  void addTo(Router router) {
    router.add("GET", "/admin/pauses", this::pauses);
    router.add("POST", "/admin/tenants/{tenant}/pause", call -> tenant(call, true));
    router.add("POST", "/admin/tenants/{tenant}/resume", call -> tenant(call, false));
    router.add("POST", "/admin/devices/{device}/pause", this::pauseDevice);
    router.add("POST", "/admin/devices/{device}/resume", this::resumeDevice);
  }

  private CompletionStage<HttpResponse> pauses(Router.Call call) {
    new Query(call.request(), List.of());
    return cluster
        .pauses(settings.gatherTimeout())
        .thenApplyAsync(state -> Replies.json(200, json(state)), executor);
  }

  private CompletionStage<HttpResponse> tenant(Router.Call call, boolean paused) {
    new Query(call.request(), List.of());
    if (!KeyText.isName(call.variable())) {
      throw ApiError.invalid(
          "tenant",
          "The tenant has "
              + call.variable().length()
              + " characters; expected 1 to 64 letters, digits, dots, hyphens or underscores.");
    }
    return cluster
        .pauseTenant(call.variable(), paused, settings.gatherTimeout())
        .thenApplyAsync(PauseRoutes::reply, executor);
  }

  /** A device that nobody knows is refused: its name would be one of no device, for ever. */
  private CompletionStage<HttpResponse> pauseDevice(Router.Call call) {
    new Query(call.request(), List.of());
    return cluster
        .describe(settings.gatherTimeout())
        .thenComposeAsync(
            reports -> {
              List<String> known =
                  Demand.devices(reports.answers()).stream().map(DeviceRow::name).toList();
              if (!known.contains(call.variable())) {
                throw ApiError.notFound(
                    "There is no device of this name; expected one of "
                        + String.join(", ", known)
                        + ".");
              }
              return cluster.pauseDevice(call.variable(), true, settings.gatherTimeout());
            },
            executor)
        .thenApplyAsync(PauseRoutes::reply, executor);
  }

  private CompletionStage<HttpResponse> resumeDevice(Router.Call call) {
    new Query(call.request(), List.of());
    if (call.variable().length() > MAX_DEVICE) {
      throw ApiError.invalid(
          "device",
          "The device has "
              + call.variable().length()
              + " characters; expected at most "
              + MAX_DEVICE
              + ".");
    }
    return cluster
        .pauseDevice(call.variable(), false, settings.gatherTimeout())
        .thenApplyAsync(PauseRoutes::reply, executor);
  }

  private static HttpResponse reply(PauseActor.State state) {
    if (!state.taken()) {
      throw ApiError.conflict(
          null,
          state.pauses().tenants().size()
              + " tenants and "
              + state.pauses().devices().size()
              + " devices are paused, as many as may be (cairn.pauses.max-paused); expected fewer.");
    }
    return Replies.json(state.unconfirmed().isEmpty() ? 200 : 202, json(state));
  }

  private static ObjectNode json(PauseActor.State state) {
    ObjectNode out = Json.object();
    state.pauses().tenants().forEach(out.putArray("tenants")::add);
    state.pauses().devices().forEach(out.putArray("devices")::add);
    state.unconfirmed().forEach(out.putArray("unconfirmed")::add);
    return out;
  }
}
