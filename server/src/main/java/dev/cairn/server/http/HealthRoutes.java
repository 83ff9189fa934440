package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.metrics.CairnMetrics;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Routes for those who watch the server. */
final class HealthRoutes {
  /** Prometheus' text format, which says in its type which one it is. */
  private static final ContentType PROMETHEUS =
      Objects.requireNonNull(ContentTypes.parse("text/plain; version=0.0.4; charset=UTF-8"));

  private final NodeHandle node;
  private final CairnMetrics metrics;

  HealthRoutes(NodeHandle node, CairnMetrics metrics) {
    this.node = node;
    this.metrics = metrics;
  }

  CompletionStage<HttpResponse> live(Router.Call call) {
    return CompletableFuture.completedFuture(
        Replies.json(200, Json.object().put("status", "live")));
  }

  CompletionStage<HttpResponse> ready(Router.Call call) {
    List<String> reasons = node.notReady();
    ObjectNode out = Json.object();
    out.put("status", reasons.isEmpty() ? "ready" : "not ready");
    ArrayNode why = out.putArray("reasons");
    reasons.forEach(why::add);
    return CompletableFuture.completedFuture(Replies.json(reasons.isEmpty() ? 200 : 503, out));
  }

  CompletionStage<HttpResponse> metrics(Router.Call call) {
    byte[] text = metrics.scrape().getBytes(StandardCharsets.UTF_8);
    return CompletableFuture.completedFuture(
        HttpResponse.create().withEntity(HttpEntities.create(PROMETHEUS, text)));
  }
}
