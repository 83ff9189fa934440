package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.metrics.CairnMetrics;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * The HTTP API of a node: every route, and the form of every error. Holds no global state: several
 * nodes of one JVM have one each.
 */
public final class HttpApi {
  private final NodeHandle node;
  private final HttpSettings settings;
  private final CairnMetrics metrics;
  private final Executor executor;
  private final Errors errors;
  private final Router router = new Router();
  private Optional<CompletionRoutes> completions = Optional.empty();

  private HttpApi(NodeHandle node, HttpSettings settings, CairnMetrics metrics, RequestIds ids) {
    this.node = node;
    this.settings = settings;
    this.metrics = metrics;
    this.executor = node.system().classicSystem().dispatcher();
    this.errors = new Errors(settings, ids);
    HealthRoutes health = new HealthRoutes(node, metrics);
    router.add("GET", "/health/live", health::live);
    router.add("GET", "/health/ready", health::ready);
    router.add("GET", "/metrics", health::metrics);
  }

  /**
   * The API that clients use.
   *
   * @param ids names requests
   * @param clockMillis milliseconds since the epoch
   */
  public static HttpApi forClients(
      NodeHandle node,
      HttpSettings settings,
      CairnMetrics metrics,
      RequestIds ids,
      LongSupplier clockMillis) {
    HttpApi api = new HttpApi(node, settings, metrics, ids);
    CompletionRoutes completions =
        new CompletionRoutes(
            node, settings, new CompletionParser(node, settings.sampling(), ids, clockMillis));
    api.completions = Optional.of(completions);
    ModelRoutes models = new ModelRoutes(node);
    Router router = api.router;
    router.add("POST", "/v1/completions", call -> api.withBody(call, completions::create));
    router.add("GET", "/v1/requests/{id}", completions::get);
    router.add("GET", "/v1/requests/{id}/stream", completions::stream);
    router.add("POST", "/v1/requests/{id}/cancel", completions::cancel);
    router.add("POST", "/v1/requests/{id}/pause", completions::pause);
    router.add("POST", "/v1/requests/{id}/resume", completions::resume);
    router.add("GET", "/v1/models", models::list);
    router.add("GET", "/v1/models/{id}", models::get);
    router.add("POST", "/tokenize", call -> api.withBody(call, models::tokenize));
    router.add("POST", "/detokenize", call -> api.withBody(call, models::detokenize));
    return api;
  }

  /** Health and metrics alone, for those who operate the server. */
  public static HttpApi forOperators(
      NodeHandle node, HttpSettings settings, CairnMetrics metrics, RequestIds ids) {
    return new HttpApi(node, settings, metrics, ids);
  }

  /** Answers a request; the stage never fails. */
  CompletionStage<HttpResponse> handle(HttpRequest request, ClientConnection connection) {
    CompletionStage<HttpResponse> reply;
    try {
      reply = router.route(request, connection);
    } catch (RuntimeException e) {
      reply = CompletableFuture.failedFuture(e);
    }
    return reply.exceptionally(
        failure -> {
          request.discardEntityBytes(node.system());
          return failed(request, failure);
        });
  }

  /** From now on a client that loses its connection has not left: the server has. */
  void stopping() {
    completions.ifPresent(CompletionRoutes::stopping);
  }

  private HttpResponse failed(HttpRequest request, Throwable failure) {
    String what = request.method().name() + " " + request.getUri().path();
    if (failure instanceof Router.MethodNotAllowed wrong) {
      metrics.userError();
      String message = "The method is " + request.method().name() + "; expected " + wrong.allowed();
      return Replies.error(ApiError.methodNotAllowed(message + "."), settings)
          .addHeader(RawHeader.create("Allow", wrong.allowed()));
    }
    ApiError error = errors.of(failure, what);
    if (error.status() < 500) {
      metrics.userError();
    }
    return Replies.error(error, settings);
  }

  /** A handler that needs the request's body, a JSON object. */
  interface BodyHandler {
    CompletionStage<HttpResponse> handle(Router.Call call, ObjectNode body);
  }

  private CompletionStage<HttpResponse> withBody(Router.Call call, BodyHandler handler) {
    long announced = call.request().entity().getContentLengthOption().orElse(0);
    if (announced > settings.maxBodyBytes()) {
      throw errors.bodyTooLarge();
    }
    return RequestBody.read(call.request().entity(), settings, node.system())
        .thenApplyAsync(
            body -> {
              if (body.isTooLarge()) {
                throw errors.bodyTooLarge();
              }
              return handler.handle(call, Json.parseObject(body.bytes()));
            },
            executor)
        .thenCompose(Function.identity());
  }
}
