package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.admin.ClusterAdmin;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.cluster.admin.RequestFilter;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.persistence.Band;
import dev.cairn.request.Snapshot;
import dev.cairn.server.http.ApiError;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.Replies;
import dev.cairn.server.http.Router;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Routes that show requests and act on them. */
final class RequestRoutes {
  private static final Pattern ID = Pattern.compile("[0-9A-Za-z_-]{1,64}");

  private final ClusterAdmin cluster;
  private final Supplier<Optional<Requests>> requests;
  private final AdminSettings settings;
  private final Executor executor;

  /**
   * @param requests of the cluster; empty where this node is no gateway
   */
  RequestRoutes(
      ClusterAdmin cluster,
      Supplier<Optional<Requests>> requests,
      AdminSettings settings,
      Executor executor) {
    this.cluster = cluster;
    this.requests = requests;
    this.settings = settings;
    this.executor = executor;
  }

  void addTo(Router router, HttpApi api) {
    router.add("GET", "/admin/requests", this::list);
    router.add("GET", "/admin/requests/{id}", this::explained);
    router.add(
        "POST", "/admin/requests/{id}/priority", call -> api.withBody(call, this::prioritized));
    router.add("POST", "/admin/requests/{id}/pause", call -> told(call, Requests::pause));
    router.add("POST", "/admin/requests/{id}/resume", call -> told(call, Requests::resume));
    router.add("POST", "/admin/requests/{id}/cancel", call -> told(call, Requests::cancel));
  }

  private CompletionStage<HttpResponse> list(Router.Call call) {
    Query query = new Query(call.request(), List.of("state", "device", "node", "limit", "after"));
    int limit = query.number("limit", settings.defaultLimit(), 1, settings.maxLimit());
    Optional<String> node = query.text("node");
    node.ifPresent(wanted -> Nodes.member(cluster, "node", wanted));
    RequestFilter filter =
        new RequestFilter(
            query.choice("state", Snapshot.State.class),
            query.text("device"),
            query.text("after").orElse(""),
            limit);
    return cluster
        .requests(filter, node, settings.gatherTimeout())
        .thenApplyAsync(pages -> page(pages, limit), executor);
  }

  /** The first rows of all pages together; what a page left out comes behind its last row. */
  private static HttpResponse page(Gathered<NodeAdmin.Page> pages, int limit) {
    List<RequestRow> rows =
        pages.answers().stream()
            .flatMap(page -> page.requests().stream())
            .sorted(Comparator.comparing(RequestRow::id))
            .toList();
    boolean more = rows.size() > limit || pages.answers().stream().anyMatch(NodeAdmin.Page::more);
    List<RequestRow> shown = rows.subList(0, Math.min(limit, rows.size()));
    ObjectNode out =
        AdminJson.list(shown.stream().map(AdminJson::request).toList(), pages.unanswered());
    out.put("next", more ? shown.get(shown.size() - 1).id() : null);
    return Replies.json(200, out);
  }

  private CompletionStage<HttpResponse> prioritized(Router.Call call, ObjectNode body) {
    JsonNode band = body.path("band");
    if (body.size() != 1 || !band.isTextual()) {
      throw ApiError.invalid(
          "band",
          "The body has "
              + body.size()
              + " fields"
              + (band.isTextual() ? "" : " and no band that is a string")
              + "; expected {\"band\": …} alone.");
    }
    Band wanted = Query.one("band", band.textValue(), Band.class);
    return told(call, (all, id) -> all.prioritize(id, wanted));
  }

  /** A request, and what placement thinks of the devices for it. */
  private CompletionStage<HttpResponse> explained(Router.Call call) {
    new Query(call.request(), List.of());
    String id = id(call);
    Requests all = gateway();
    return all.find(id)
        .thenCombineAsync(
            all.explain(id),
            (view, explanation) ->
                Replies.json(200, AdminJson.request(existing(id, view), explanation)),
            executor);
  }

  private CompletionStage<HttpResponse> told(
      Router.Call call, BiFunction<Requests, String, CompletionStage<Optional<RequestView>>> what) {
    new Query(call.request(), List.of());
    String id = id(call);
    return what.apply(gateway(), id).thenApplyAsync(view -> shown(id, view), executor);
  }

  private static String id(Router.Call call) {
    if (!ID.matcher(call.variable()).matches()) {
      throw ApiError.notFound("There is no request of this id.");
    }
    return call.variable();
  }

  private Requests gateway() {
    return requests
        .get()
        .orElseThrow(
            () ->
                ApiError.conflict(
                    null,
                    "This node has no requests, for it is no gateway; expected the admin port of one"
                        + " that /admin/nodes names with the role gateway."));
  }

  private static HttpResponse shown(String id, Optional<RequestView> view) {
    return Replies.json(200, AdminJson.request(existing(id, view)));
  }

  private static RequestView existing(String id, Optional<RequestView> view) {
    return view.orElseThrow(() -> ApiError.notFound("There is no request " + id + "."));
  }
}
