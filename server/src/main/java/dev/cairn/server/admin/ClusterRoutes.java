package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RejectedException;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.ClusterMember;
import dev.cairn.cluster.admin.Demand;
import dev.cairn.cluster.admin.DeviceRow;
import dev.cairn.cluster.admin.DrainReport;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.server.http.Replies;
import dev.cairn.server.http.Router;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Routes that show the cluster: nodes, tenants, journals and demand. */
final class ClusterRoutes {
  private static final ContentType YAML = ContentTypes.parse("application/yaml; charset=UTF-8");

  private final ClusterAdmin cluster;
  private final AdminSettings settings;
  private final Executor executor;

  ClusterRoutes(ClusterAdmin cluster, AdminSettings settings, Executor executor) {
    this.cluster = cluster;
    this.settings = settings;
    this.executor = executor;
  }

  void addTo(Router router) {
    router.add("GET", "/admin/nodes", call -> described(call, this::nodes));
    router.add("POST", "/admin/nodes/{address}/drain", this::drain);
    router.add("POST", "/admin/nodes/{address}/undrain", this::undrain);
    router.add("GET", "/admin/tenants", this::tenants);
    router.add("GET", "/admin/journal", call -> described(call, ClusterRoutes::journals));
    router.add("GET", "/admin/demand", call -> described(call, this::demand));
    router.add("GET", "/admin/openapi", ClusterRoutes::openApi);
  }

  private static CompletionStage<HttpResponse> openApi(Router.Call call) {
    new Query(call.request(), List.of());
    try (InputStream document = ClusterRoutes.class.getResourceAsStream("/openapi/admin.yaml")) {
      return CompletableFuture.completedFuture(
          HttpResponse.create()
              .withEntity(
                  HttpEntities.create(YAML, Objects.requireNonNull(document).readAllBytes())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private CompletionStage<HttpResponse> described(
      Router.Call call, Function<Gathered<NodeReport>, ObjectNode> reply) {
    new Query(call.request(), List.of());
    return cluster
        .describe(settings.gatherTimeout())
        .thenApplyAsync(reports -> Replies.json(200, reply.apply(reports)), executor);
  }

  private ObjectNode nodes(Gathered<NodeReport> reports) {
    List<DeviceRow> devices = Demand.devices(reports.answers());
    List<ObjectNode> nodes = new ArrayList<>();
    for (ClusterMember member : cluster.members()) {
      Optional<NodeReport> report =
          reports.answers().stream().filter(r -> r.node().equals(member.node())).findFirst();
      Optional<DeviceRow> device =
          devices.stream().filter(d -> d.node().equals(member.node())).findFirst();
      nodes.add(AdminJson.node(member, report, device));
    }
    return AdminJson.list(nodes, reports.unanswered());
  }

  private CompletionStage<HttpResponse> drain(Router.Call call) {
    new Query(call.request(), List.of());
    String node = Nodes.member(cluster, "address", call.variable()).node();
    return cluster
        .drain(node, settings.drainWait())
        .thenCompose(
            drained ->
                drained.isPresent()
                    ? CompletableFuture.completedFuture(drained)
                    : cluster.drainState(node, settings.gatherTimeout()))
        .thenApplyAsync(report -> drainState(node, report), executor);
  }

  private CompletionStage<HttpResponse> undrain(Router.Call call) {
    new Query(call.request(), List.of());
    String node = Nodes.member(cluster, "address", call.variable()).node();
    return cluster
        .undrain(node, settings.gatherTimeout())
        .thenApplyAsync(report -> drainState(node, report), executor);
  }

  private static HttpResponse drainState(String node, Optional<DrainReport> report) {
    DrainReport now =
        report.orElseThrow(
            () ->
                new RejectedException(
                    RejectedException.Kind.UNAVAILABLE, "the node " + node + " does not answer"));
    return Replies.json(now.draining() && !now.drained() ? 202 : 200, AdminJson.drain(now));
  }

  private CompletionStage<HttpResponse> tenants(Router.Call call) {
    new Query(call.request(), List.of());
    return cluster
        .tenants(settings.gatherTimeout())
        .thenApplyAsync(
            rows ->
                Replies.json(
                    200,
                    AdminJson.list(
                        rows.answers().stream().map(AdminJson::tenant).toList(),
                        rows.unanswered())),
            executor);
  }

  private static ObjectNode journals(Gathered<NodeReport> reports) {
    return AdminJson.list(
        reports.answers().stream()
            .flatMap(
                report ->
                    report.journal().stream().map(each -> AdminJson.journal(report.node(), each)))
            .toList(),
        reports.unanswered());
  }

  private ObjectNode demand(Gathered<NodeReport> reports) {
    return AdminJson.list(
        Demand.of(reports.answers(), settings.aim()).stream().map(AdminJson::demand).toList(),
        reports.unanswered());
  }
}
