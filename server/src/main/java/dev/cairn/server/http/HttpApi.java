package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.persistence.RequestIds;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.chat.ChatPrompts;
import dev.cairn.server.metrics.CairnMetrics;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.pekko.dispatch.Dispatchers;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * The HTTP API of a node: every route, and the form of every error. Holds no global state: several
 * nodes of one JVM have one each.
 */
public final class HttpApi {
  private static final String OPERATORS_DISPATCHER = "cairn.dispatchers.admin";

  private final NodeHandle node;
  private final HttpSettings settings;
  private final CairnMetrics metrics;
  private final Executor executor;
  private final String dispatcher;
  private final Guard guard;
  private final Errors errors;
  private final Cors cors;
  private final RequestLog log;
  private final Router router = new Router();
  private Optional<CompletionRoutes> completions = Optional.empty();
  private Optional<Passage> passage = Optional.empty();

  /** Looks at each request before anything else does. */
  public interface Guard {
    /** Says who asks, and throws an {@link ApiError} where the request may not pass. */
    Caller check(HttpRequest request);
  }

  /** Another server's routes behind this one's door. */
  public interface Passage {
    /** The reply; empty where it has nothing at the path of the request. */
    Optional<CompletionStage<HttpResponse>> handle(HttpRequest request);
  }

  /** What is added to the routes for operators. */
  public interface Operators {
    Guard guard();

    /** Adds its routes; those that need a body wrap their handler with the API's own reader. */
    void addTo(Router router, HttpApi api);

    Optional<Passage> passage();
  }

  private HttpApi(
      NodeHandle node,
      HttpSettings settings,
      CairnMetrics metrics,
      RequestIds ids,
      String dispatcher,
      Guard guard,
      Optional<String> tenantHeader) {
    this.node = node;
    this.settings = settings;
    this.metrics = metrics;
    this.dispatcher = dispatcher;
    this.executor = node.system().classicSystem().dispatchers().lookup(dispatcher);
    this.guard = guard;
    this.errors = new Errors(settings, ids);
    this.cors = new Cors(settings.corsOrigins(), tenantHeader);
    this.log = new RequestLog(settings.requestLog(), node.tokenizer());
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
   * @param access who may call, and how much
   */
  public static HttpApi forClients(
      NodeHandle node,
      HttpSettings settings,
      CairnMetrics metrics,
      RequestIds ids,
      LongSupplier clockMillis,
      ClientAccess access) {
    HttpApi api =
        new HttpApi(
            node,
            settings,
            metrics,
            ids,
            Dispatchers.DefaultDispatcherId(),
            access.guard(),
            Optional.of(access.tenantHeader()));
    Intake intake = new Intake(access.rates(), metrics);
    CompletionRoutes completions = new CompletionRoutes(node, settings, intake);
    RequestParameters parameters = new RequestParameters(node, settings, ids, clockMillis);
    CompletionParser texts = new CompletionParser(parameters);
    ChatParser chats =
        new ChatParser(
            parameters,
            new ChatPrompts(node.chatTemplate(), node.tokenizer(), settings.chatTemplate()));
    api.completions = Optional.of(completions);
    node.draining().onChange((on, elsewhere) -> completions.sendAway(on && elsewhere));
    ModelRoutes models = new ModelRoutes(node);
    Router router = api.router;
    router.add(
        "POST",
        "/v1/completions",
        call -> api.withBody(call, (c, body) -> completions.create(c, body, texts)));
    router.add(
        "POST",
        "/v1/chat/completions",
        call -> api.withBody(call, (c, body) -> completions.create(c, body, chats)));
    ResponseRoutes responses =
        new ResponseRoutes(node, completions, intake, new ResponseParser(parameters, chats));
    router.add("POST", "/v1/responses", call -> api.withBody(call, responses::create));
    router.add("GET", "/v1/responses/{id}", responses::get);
    router.add("DELETE", "/v1/responses/{id}", responses::delete);
    router.add("POST", "/v1/responses/{id}/cancel", responses::cancel);
    router.add("GET", "/v1/requests/{id}", completions::get);
    router.add("GET", "/v1/requests/{id}/stream", completions::stream);
    router.add("POST", "/v1/requests/{id}/cancel", completions::cancel);
    router.add("POST", "/v1/requests/{id}/pause", completions::pause);
    router.add("POST", "/v1/requests/{id}/resume", completions::resume);
    EmbeddingRoutes embeddings =
        new EmbeddingRoutes(
            node, intake, new EmbeddingParser(node, parameters, settings.embeddings()));
    router.add("POST", "/v1/embeddings", call -> api.withBody(call, embeddings::create));
    router.add("GET", "/v1/models", models::list);
    router.add("GET", "/v1/models/{id}", models::get);
    router.add("POST", "/tokenize", call -> api.withBody(call, models::tokenize));
    router.add("POST", "/detokenize", call -> api.withBody(call, models::detokenize));
    return api;
  }

  /**
   * The API for those who operate the server. It has threads of its own, so that it answers while
   * clients keep all others busy.
   */
  public static HttpApi forOperators(
      NodeHandle node,
      HttpSettings settings,
      CairnMetrics metrics,
      RequestIds ids,
      Operators operators) {
    HttpApi api =
        new HttpApi(
            node,
            settings,
            metrics,
            ids,
            OPERATORS_DISPATCHER,
            operators.guard(),
            Optional.empty());
    operators.addTo(api.router, api);
    api.passage = operators.passage();
    return api;
  }

  /** The threads that the API for operators runs on. */
  public static Executor operatorsExecutor(NodeHandle node) {
    return node.system().classicSystem().dispatchers().lookup(OPERATORS_DISPATCHER);
  }

  /** The same with routes that somebody else adds; before it is bound to a port. */
  public HttpApi with(Consumer<Router> more) {
    more.accept(router);
    return this;
  }

  /** Every route of its own, as method, space and path. */
  public List<String> routes() {
    return router.routes();
  }

  /** The dispatcher that it answers on. */
  String dispatcher() {
    return dispatcher;
  }

  Executor executor() {
    return executor;
  }

  /** Answers a request; the stage never fails. */
  CompletionStage<HttpResponse> handle(HttpRequest received, ClientConnection connection) {
    HttpRequest request = log.begin(received);
    Optional<HttpResponse> preflight = cors.preflight(request, "GET, POST, DELETE");
    if (preflight.isPresent()) {
      return CompletableFuture.completedFuture(cors.allow(request, preflight.get()));
    }
    CompletionStage<HttpResponse> reply;
    try {
      Caller caller = guard.check(request);
      RequestRecord.of(request).ifPresent(record -> record.caller(caller));
      reply =
          passage.flatMap(p -> p.handle(request)).orElseGet(() -> own(request, caller, connection));
    } catch (RuntimeException e) {
      reply = CompletableFuture.failedFuture(e);
    }
    return reply
        .exceptionally(
            failure -> {
              request.discardEntityBytes(node.system());
              return failed(request, failure);
            })
        .thenApply(answered -> log.end(request, cors.allow(request, answered)));
  }

  private CompletionStage<HttpResponse> own(
      HttpRequest request, Caller caller, ClientConnection connection) {
    return router.route(request, caller, connection);
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
    HttpResponse reply = Replies.error(error, settings);
    return error.status() == 401
        ? reply.addHeader(RawHeader.create("WWW-Authenticate", "Bearer"))
        : reply;
  }

  /** A handler that needs the request's body, a JSON object. */
  public interface BodyHandler {
    CompletionStage<HttpResponse> handle(Router.Call call, ObjectNode body);
  }

  /** Reads the body, a JSON object, and gives it to a handler. */
  public CompletionStage<HttpResponse> withBody(Router.Call call, BodyHandler handler) {
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
