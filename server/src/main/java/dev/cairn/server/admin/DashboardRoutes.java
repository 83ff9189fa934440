package dev.cairn.server.admin;

import dev.cairn.actors.Requests;
import dev.cairn.cluster.admin.Gathered;
import dev.cairn.cluster.admin.NewestFilter;
import dev.cairn.cluster.admin.NodeAdmin;
import dev.cairn.cluster.admin.NodeReport;
import dev.cairn.cluster.admin.RequestRow;
import dev.cairn.cluster.admin.StateCounts;
import dev.cairn.request.Snapshot;
import dev.cairn.server.LocalNode;
import dev.cairn.server.dashboard.DashboardPage;
import dev.cairn.server.http.ApiError;
import dev.cairn.server.http.Caller;
import dev.cairn.server.http.ClientGuard;
import dev.cairn.server.http.Replies;
import dev.cairn.server.http.Router;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The dashboard of the API's port, and what its page asks for. Who may see what is as everywhere in
 * the API: a tenant's key shows that tenant's requests, and nothing of devices and journals, which
 * others share with it.
 */
public final class DashboardRoutes {
  private static final Logger LOG = LoggerFactory.getLogger(DashboardRoutes.class);

  private final Overview overview;
  private final DashboardSettings settings;
  private final String model;
  private final LongSupplier clockMillis;
  private final Executor executor;
  private final DashboardPage page = new DashboardPage();

  /**
   * @param model name of the one that is served
   * @param clockMillis milliseconds since the epoch
   */
  public DashboardRoutes(
      Overview overview,
      DashboardSettings settings,
      String model,
      LongSupplier clockMillis,
      Executor executor) {
    this.overview = overview;
    this.settings = settings;
    this.model = model;
    this.clockMillis = clockMillis;
    this.executor = executor;
  }

  /** The dashboard of a node and its cluster. */
  public static DashboardRoutes of(LocalNode node, DashboardSettings settings) {
    return new DashboardRoutes(
        Overview.of(node, settings.gatherTimeout()),
        settings,
        node.model().name(),
        System::currentTimeMillis,
        node.system().classicSystem().dispatcher());
  }

  /** Adds the routes, where there is to be a dashboard. */
  public void addTo(Router router) {
    if (settings.enabled()) {
      router.add("GET", DashboardPage.ROOT, call -> done(page.page(call.request())));
      router.add("GET", ClientGuard.DASHBOARD_STATE, this::state);
      router.add("GET", DashboardPage.FOLDER + "{file}", this::file);
    }
  }

  private CompletionStage<HttpResponse> file(Router.Call call) {
    return done(
        page.file(call.request(), call.variable())
            .orElseThrow(() -> ApiError.notFound("The dashboard has no file of this name.")));
  }

  private static CompletionStage<HttpResponse> done(HttpResponse reply) {
    return CompletableFuture.completedFuture(reply);
  }

  private CompletionStage<HttpResponse> state(Router.Call call) {
    Query query = new Query(call.request(), List.of("state"));
    Optional<Snapshot.State> state = query.choice("state", Snapshot.State.class);
    Caller caller = call.caller();
    Optional<String> tenant = caller.isConfined() ? Optional.of(caller.tenant()) : Optional.empty();
    CompletionStage<Optional<Gathered<NodeReport>>> nodes =
        caller.isConfined()
            ? CompletableFuture.completedFuture(Optional.empty())
            : overview.nodes().thenApply(Optional::of);
    return overview
        .newest(new NewestFilter(tenant, state, settings.maxRows()))
        .thenComposeAsync(pages -> explained(pages, state), executor)
        .thenCombineAsync(nodes, (requests, reports) -> reply(tenant, requests, reports), executor);
  }

  /** The newest requests of all nodes together, and why those of them wait that do. */
  private CompletionStage<DashboardJson.Newest> explained(
      Gathered<NodeAdmin.NewestPage> pages, Optional<Snapshot.State> state) {
    StateCounts counts =
        pages.answers().stream()
            .map(NodeAdmin.NewestPage::counts)
            .reduce(StateCounts.NONE, StateCounts::plus);
    List<RequestRow> rows =
        pages.answers().stream()
            .flatMap(each -> each.requests().stream())
            .sorted(NewestFilter.NEWEST_FIRST)
            .limit(settings.maxRows())
            .toList();
    Map<String, CompletableFuture<Optional<Requests.Waiting>>> asked = new HashMap<>();
    for (RequestRow row : rows) {
      if (row.isUnfinished()) {
        asked.put(row.id(), whyWaiting(row.id()));
      }
    }
    int more = Math.max(0, state.map(counts::of).orElse(counts.unfinished()) - rows.size());
    return CompletableFuture.allOf(asked.values().toArray(CompletableFuture<?>[]::new))
        .thenApply(
            answered -> {
              Map<String, Requests.Waiting> reasons = new HashMap<>();
              asked.forEach((id, why) -> why.join().ifPresent(reason -> reasons.put(id, reason)));
              return new DashboardJson.Newest(rows, reasons, counts, more, pages.unanswered());
            });
  }

  /** A request that does not answer in time is shown without its reason. */
  private CompletableFuture<Optional<Requests.Waiting>> whyWaiting(String id) {
    return overview
        .whyWaiting(id)
        .toCompletableFuture()
        .copy()
        .orTimeout(settings.gatherTimeout().toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(
            failure -> {
              LOG.warn("why request {} waits is not known: {}", id, failure.toString());
              return Optional.empty();
            });
  }

  private HttpResponse reply(
      Optional<String> tenant,
      DashboardJson.Newest requests,
      Optional<Gathered<NodeReport>> reports) {
    return Replies.json(
            200,
            DashboardJson.state(
                model, tenant, settings.refresh(), clockMillis.getAsLong(), requests, reports))
        .addHeader(RawHeader.create("Cache-Control", "no-store"));
  }
}
