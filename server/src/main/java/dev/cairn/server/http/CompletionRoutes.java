package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.Requests;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import dev.cairn.server.NodeHandle;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Routes that make requests, follow them and end them. */
final class CompletionRoutes {
  private static final Logger LOG = LoggerFactory.getLogger(CompletionRoutes.class);
  private static final Pattern ID = Pattern.compile("[0-9A-Za-z_-]{1,64}");
  private static final Pattern KEY = Pattern.compile("[\\x21-\\x7e]{1,255}");
  private static final ByteString HEARTBEAT = ByteString.fromString(":\n\n");

  private final Requests requests;
  private final Tokenizer tokenizer;
  private final HttpSettings settings;
  private final CompletionParser parser;
  private final Executor executor;
  private volatile boolean stopping;

  /** The server's side of all connections; closed while clients are to go on elsewhere. */
  private volatile ClientConnection server = new ClientConnection();

  CompletionRoutes(NodeHandle node, HttpSettings settings, CompletionParser parser) {
    this.requests = node.requests();
    this.tokenizer = node.tokenizer();
    this.settings = settings;
    this.parser = parser;
    this.executor = node.system().classicSystem().dispatcher();
  }

  /** Ends what clients follow here, so that they go on elsewhere, or lets them follow again. */
  void sendAway(boolean away) {
    if (away) {
      server.close();
    } else {
      server = new ClientConnection();
    }
  }

  void stopping() {
    stopping = true;
  }

  /** {@code POST /v1/completions}. */
  CompletionStage<HttpResponse> create(Router.Call call, ObjectNode body) {
    CompletionCall wanted = parser.parse(body, idempotencyKey(call.request()));
    RequestSpec spec = wanted.spec();
    return requests
        .submit(spec)
        .thenComposeAsync(
            view -> {
              if (!spec.isSameRequest(view.spec())) {
                throw ApiError.conflict(
                    "Idempotency-Key",
                    "The Idempotency-Key names a request with other content; expected the same"
                        + " body or another key.");
              }
              CompletionStage<HttpResponse> reply =
                  wanted.stream()
                      ? CompletableFuture.completedFuture(
                          events(
                              view,
                              call.connection(),
                              new EventRenderer(spec, tokenizer, wanted.includeUsage())))
                      : whole(view, call.connection());
              return reply.thenApply(response -> Replies.ofRequest(spec.id(), response));
            },
            executor);
  }

  /** {@code GET /v1/requests/{id}}. */
  CompletionStage<HttpResponse> get(Router.Call call) {
    String id = id(call);
    return requests.find(id).thenApplyAsync(view -> status(id, existing(id, view)), executor);
  }

  /** {@code POST /v1/requests/{id}/cancel}. */
  CompletionStage<HttpResponse> cancel(Router.Call call) {
    return told(call, requests::cancel);
  }

  /** {@code POST /v1/requests/{id}/pause}. */
  CompletionStage<HttpResponse> pause(Router.Call call) {
    return told(call, requests::pause);
  }

  /** {@code POST /v1/requests/{id}/resume}. */
  CompletionStage<HttpResponse> resume(Router.Call call) {
    return told(call, requests::resume);
  }

  private CompletionStage<HttpResponse> told(
      Router.Call call, Function<String, CompletionStage<Optional<RequestView>>> what) {
    String id = id(call);
    return what.apply(id).thenApplyAsync(view -> status(id, existing(id, view)), executor);
  }

  /** {@code GET /v1/requests/{id}/stream}. */
  CompletionStage<HttpResponse> stream(Router.Call call) {
    String id = id(call);
    Optional<Integer> after = after(call.request());
    if (server.isClosed()) {
      throw ApiError.rejected(sentAway(id));
    }
    return requests
        .find(id)
        .thenApplyAsync(
            found -> {
              RequestView view = existing(id, found);
              EventRenderer renderer = new EventRenderer(view.spec(), tokenizer, false);
              after.ifPresent(index -> renderer.resumeAfter(index, view.snapshot()));
              return Replies.ofRequest(id, events(view, call.connection(), renderer));
            },
            executor);
  }

  private HttpResponse status(String id, RequestView view) {
    Completion completion = new Completion(view.spec(), tokenizer);
    return Replies.ofRequest(id, Replies.json(200, completion.status(view.snapshot())));
  }

  private HttpResponse events(
      RequestView view, ClientConnection connection, EventRenderer renderer) {
    Source<ByteString, ?> events =
        Source.fromGraph(new ViewSource(view, connection, server, () -> clientLeft(view)))
            .mapConcat(renderer::render)
            .keepAlive(settings.heartbeat(), () -> HEARTBEAT);
    return Replies.events(events);
  }

  /** Waits for the request's end, or for the client to leave. */
  private CompletionStage<HttpResponse> whole(RequestView view, ClientConnection connection) {
    CompletableFuture<Snapshot> end = new CompletableFuture<>();
    Runnable look =
        () -> {
          Snapshot now = view.snapshot();
          if (now.finish().isPresent()) {
            end.complete(now);
          }
        };
    RequestView.Subscription subscription = view.subscribe(look);
    ClientConnection.Registration registration =
        connection.onClose(() -> end.completeExceptionally(new CancellationException()));
    ClientConnection.Registration serverRegistration =
        server.onClose(() -> end.completeExceptionally(sentAway(view.spec().id())));
    look.run();
    return end.whenComplete(
            (snapshot, left) -> {
              subscription.cancel();
              registration.cancel();
              serverRegistration.cancel();
              if (left instanceof CancellationException) {
                clientLeft(view);
              }
            })
        .handleAsync((snapshot, failure) -> answer(view, snapshot, failure), executor);
  }

  private static RejectedException sentAway(String id) {
    return new RejectedException(
        RejectedException.Kind.UNAVAILABLE,
        "the node is being drained; request " + id + " goes on, and another node has its result");
  }

  /** A client that is sent away is told which request it is. */
  private HttpResponse answer(RequestView view, Snapshot snapshot, Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause instanceof RejectedException away) {
      return Replies.error(ApiError.rejected(away), settings);
    }
    if (cause != null) {
      throw new CompletionException(cause);
    }
    return answer(view, snapshot);
  }

  private HttpResponse answer(RequestView view, Snapshot snapshot) {
    Snapshot.Finish finish = snapshot.finish().orElseThrow();
    if (finish.reason() == FinishReason.ERROR) {
      return Replies.error(ApiError.failed(finish.detail()), settings);
    }
    return Replies.json(200, new Completion(view.spec(), tokenizer).answer(snapshot));
  }

  /** Ends the request where its client wants that and nobody else reads it. */
  private void clientLeft(RequestView view) {
    RequestSpec spec = view.spec();
    if (spec.cancelOnDisconnect()
        && !stopping
        && view.readers() == 0
        && view.snapshot().finish().isEmpty()) {
      requests
          .cancel(spec.id())
          .whenComplete(
              (done, failure) -> {
                if (failure != null) {
                  LOG.warn(
                      "request {} was left by its client and not cancelled", spec.id(), failure);
                }
              });
    }
  }

  private static String id(Router.Call call) {
    String id = call.variables().get(0);
    if (!ID.matcher(id).matches()) {
      throw ApiError.notFound("There is no request of this id.");
    }
    return id;
  }

  private static RequestView existing(String id, Optional<RequestView> view) {
    return view.orElseThrow(() -> ApiError.notFound("There is no request " + id + "."));
  }

  private static Optional<String> idempotencyKey(HttpRequest request) {
    Optional<String> key = request.getHeader("Idempotency-Key").map(HttpHeader::value);
    key.filter(k -> !KEY.matcher(k).matches())
        .ifPresent(
            k -> {
              throw ApiError.invalid(
                  "Idempotency-Key",
                  "Idempotency-Key has "
                      + k.length()
                      + " characters; expected 1 to 255, visible ASCII characters alone.");
            });
    return key;
  }

  /** Where to go on: {@code ?after=}, or else the header that browsers send. */
  private static Optional<Integer> after(HttpRequest request) {
    Optional<String> text =
        request
            .getUri()
            .query(StandardCharsets.UTF_8, org.apache.pekko.http.javadsl.model.Uri.RELAXED)
            .get("after")
            .or(() -> request.getHeader("Last-Event-ID").map(HttpHeader::value))
            .filter(value -> !value.isEmpty());
    return text.map(
        value -> {
          try {
            return Integer.valueOf(value);
          } catch (NumberFormatException e) {
            throw ApiError.invalid(
                "after", "The index to go on from is not a number; expected the id of an event.");
          }
        });
  }
}
