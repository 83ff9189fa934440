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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.pekko.NotUsed;
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

  /** As W3C's Trace Context has it; later versions may add to it. */
  private static final Pattern TRACE_PARENT =
      Pattern.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\\x21-\\x7e]{0,200})?");

  private static final ByteString HEARTBEAT = ByteString.fromString(":\n\n");

  private final Requests requests;
  private final Intake intake;
  private final Tokenizer tokenizer;
  private final HttpSettings settings;
  private final Executor executor;
  private volatile boolean stopping;

  /** The server's side of all connections; closed while clients are to go on elsewhere. */
  private volatile ClientConnection server = new ClientConnection();

  CompletionRoutes(NodeHandle node, HttpSettings settings, Intake intake) {
    this.intake = intake;
    this.requests = node.requests();
    this.tokenizer = node.tokenizer();
    this.settings = settings;
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

  /** A route that makes requests and answers with what they yield. */
  CompletionStage<HttpResponse> create(Router.Call call, ObjectNode body, CallParser parser) {
    Intake.Taken taken = intake.take(call, body, parser);
    CompletionCall wanted = taken.call();
    return submit(wanted.requests(), traceParent(call))
        .thenComposeAsync(
            views -> {
              RequestRecord.of(call.request()).ifPresent(record -> record.views(views));
              CompletionStage<HttpResponse> reply =
                  wanted.stream()
                      ? CompletableFuture.completedFuture(
                          events(
                              views,
                              call.connection(),
                              new EventRenderer(
                                  wanted.requests(), tokenizer, wanted.includeUsage())))
                      : whole(views, call.connection()).handle(this::orSentAway);
              return reply.thenApply(taken::reply);
            },
            executor);
  }

  /**
   * Submits the requests of a call.
   *
   * @param traceParent trace that the client follows; empty: none
   * @return their views, once all are durable; where one is refused, those that are new are ended
   */
  CompletionStage<List<RequestView>> submit(List<RequestSpec> specs, String traceParent) {
    List<CompletableFuture<RequestView>> submitted =
        specs.stream()
            .map(spec -> requests.submit(spec, traceParent).toCompletableFuture())
            .toList();
    return CompletableFuture.allOf(submitted.toArray(CompletableFuture[]::new))
        .handleAsync(
            (done, failure) -> {
              if (failure != null) {
                intake.refused(specs.get(0).scheduling().tenant(), failure);
                submitted.stream()
                    .filter(each -> !each.isCompletedExceptionally())
                    .forEach(each -> end(each.join(), "a request of its call was refused"));
                throw failure instanceof CompletionException e
                    ? e
                    : new CompletionException(failure);
              }
              List<RequestView> views = submitted.stream().map(CompletableFuture::join).toList();
              checkSame(specs, views);
              return views;
            },
            executor);
  }

  /** The trace that a client follows; one that cannot be meant is none. */
  static String traceParent(Router.Call call) {
    return call.request()
        .getHeader("traceparent")
        .map(HttpHeader::value)
        .filter(value -> TRACE_PARENT.matcher(value).matches())
        .orElse("");
  }

  private static void checkSame(List<RequestSpec> specs, List<RequestView> views) {
    for (int i = 0; i < specs.size(); i++) {
      if (!specs.get(i).isSameRequest(views.get(i).spec())) {
        throw ApiError.conflict(
            "Idempotency-Key",
            "The Idempotency-Key names a request with other content; expected the same body or"
                + " another key.");
      }
    }
  }

  /** {@code GET /v1/requests/{id}}. */
  CompletionStage<HttpResponse> get(Router.Call call) {
    String id = id(call);
    return requests
        .find(id)
        .thenComposeAsync(
            found -> {
              RequestView view = existing(call, id, found);
              return view.snapshot().finish().isPresent()
                  ? CompletableFuture.completedFuture(status(id, view))
                  : requests.whyWaiting(id).thenApply(why -> waiting(id, view, why));
            },
            executor);
  }

  private HttpResponse waiting(String id, RequestView view, Optional<Requests.Waiting> why) {
    ObjectNode status = new Completion(List.of(view.spec()), tokenizer).status(view.snapshot());
    ObjectNode reason = why.isPresent() ? status.putObject("pending_reason") : status;
    why.ifPresent(found -> reason.put("code", found.code()).put("text", found.text()));
    return Replies.ofRequest(id, Replies.json(200, status));
  }

  /** {@code POST /v1/requests/{id}/cancel}. */
  CompletionStage<HttpResponse> cancel(Router.Call call) {
    return told(call, requests::cancel);
  }

  /** Ends a request. */
  CompletionStage<RequestView> cancel(String id) {
    return requests.cancel(id).thenApply(view -> existing(id, view));
  }

  /**
   * Deletes a request when it has ended, whoever reads it. Where this process ends before, the
   * request stays hidden, until the journal's retention takes it.
   */
  void deleteAtEnd(RequestView view) {
    String id = view.spec().id();
    end(view, new ClientConnection())
        .thenComposeAsync(ended -> requests.delete(id), executor)
        .whenComplete(
            (deleted, failure) -> {
              if (failure != null) {
                LOG.warn("request {} was not to be stored and is not deleted yet", id, failure);
              }
            });
  }

  /** Deletes a request that was there. */
  CompletionStage<String> delete(String id) {
    return requests
        .delete(id)
        .thenApply(
            deleted -> {
              if (!deleted) {
                throw ApiError.notFound("There is no request " + id + ".");
              }
              return id;
            });
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
    return seen(call, id)
        .thenComposeAsync(known -> what.apply(id), executor)
        .thenApplyAsync(view -> status(id, existing(id, view)), executor);
  }

  /** Fails where a request is hidden from who calls. */
  private CompletionStage<?> seen(Router.Call call, String id) {
    return requests.find(id).thenApply(view -> existing(call, id, view));
  }

  /** {@code GET /v1/requests/{id}/stream}: of the whole call where the id is that of its first. */
  CompletionStage<HttpResponse> stream(Router.Call call) {
    String id = id(call);
    Optional<String> after = after(call.request());
    if (server.isClosed()) {
      throw sentAway(id);
    }
    return find(call)
        .thenApplyAsync(
            views -> {
              EventRenderer renderer =
                  new EventRenderer(
                      views.stream().map(RequestView::spec).toList(), tokenizer, false);
              after.ifPresent(
                  index ->
                      renderer.resumeAfter(
                          index, views.stream().map(RequestView::snapshot).toList()));
              return Replies.ofRequest(id, events(views, call.connection(), renderer));
            },
            executor);
  }

  /** The request that a path names and, where it is the first of a call, the others of the call. */
  CompletionStage<List<RequestView>> find(Router.Call call) {
    String id = id(call);
    return requests
        .find(id)
        .thenComposeAsync(
            found -> {
              RequestView first = existing(call, id, found);
              AnswerContext context = AnswerContext.of(first.spec());
              List<CompletableFuture<RequestView>> others = new ArrayList<>();
              for (int i = 1; context.choice() == 0 && i < context.choices(); i++) {
                String other = RequestParameters.numbered(id, i);
                others.add(
                    requests
                        .find(other)
                        .thenApply(view -> existing(other, view))
                        .toCompletableFuture());
              }
              return CompletableFuture.allOf(others.toArray(CompletableFuture[]::new))
                  .thenApply(
                      done -> {
                        List<RequestView> views = new ArrayList<>();
                        views.add(first);
                        others.forEach(other -> views.add(other.join()));
                        return views;
                      });
            },
            executor);
  }

  /** A request as far as there is one that the caller sees. */
  CompletionStage<Optional<RequestView>> find(Router.Call call, String id) {
    return ID.matcher(id).matches()
        ? requests.find(id).thenApply(view -> view.filter(found -> shown(call, found)))
        : CompletableFuture.completedFuture(Optional.empty());
  }

  private HttpResponse status(String id, RequestView view) {
    Completion completion = new Completion(List.of(view.spec()), tokenizer);
    return Replies.ofRequest(id, Replies.json(200, completion.status(view.snapshot())));
  }

  /** A stream of one request's events, as a renderer makes them of its snapshots. */
  HttpResponse stream(RequestView view, ClientConnection connection, Renderer renderer) {
    Source<ByteString, NotUsed> events =
        Source.fromGraph(new ViewSource(view, connection, server, () -> clientLeft(view)))
            .mapConcat(renderer::render);
    return Replies.events(events.keepAlive(settings.heartbeat(), () -> HEARTBEAT));
  }

  /** Makes events of the snapshots of one request, in order. */
  interface Renderer {
    List<ByteString> render(Snapshot snapshot);
  }

  private HttpResponse events(
      List<RequestView> views, ClientConnection connection, EventRenderer renderer) {
    List<Source<ByteString, NotUsed>> choices = new ArrayList<>();
    for (int i = 0; i < views.size(); i++) {
      int choice = i;
      RequestView view = views.get(i);
      choices.add(
          Source.fromGraph(new ViewSource(view, connection, server, () -> clientLeft(view)))
              .mapConcat(snapshot -> renderer.render(choice, snapshot)));
    }
    Source<ByteString, ?> events =
        choices.size() == 1
            ? choices.get(0)
            : Source.from(choices).flatMapMerge(choices.size(), choice -> choice);
    return Replies.events(events.keepAlive(settings.heartbeat(), () -> HEARTBEAT));
  }

  /** Waits for the ends of all requests of a call, or for the client to leave. */
  private CompletionStage<HttpResponse> whole(
      List<RequestView> views, ClientConnection connection) {
    return ended(views, connection).thenApplyAsync(snapshots -> answer(views, snapshots), executor);
  }

  /** The last snapshots of requests, once all have ended; fails where the client leaves before. */
  CompletionStage<List<Snapshot>> ended(List<RequestView> views, ClientConnection connection) {
    List<CompletableFuture<Snapshot>> ends =
        views.stream().map(view -> end(view, connection)).toList();
    return CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new))
        .thenApply(done -> ends.stream().map(CompletableFuture::join).toList());
  }

  private CompletableFuture<Snapshot> end(RequestView view, ClientConnection connection) {
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
        });
  }

  private static RejectedException sentAway(String id) {
    return new RejectedException(
        RejectedException.Kind.UNAVAILABLE,
        "the node is being drained; request " + id + " goes on, and another node has its result");
  }

  /** A client that is sent away is told which request it is, as with any reply. */
  private HttpResponse orSentAway(HttpResponse reply, Throwable failure) {
    if (failure == null) {
      return reply;
    }
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (cause instanceof RejectedException away) {
      return Replies.error(ApiError.rejected(away), settings);
    }
    throw new CompletionException(cause);
  }

  private HttpResponse answer(List<RequestView> views, List<Snapshot> snapshots) {
    for (Snapshot snapshot : snapshots) {
      Snapshot.Finish finish = snapshot.finish().orElseThrow();
      if (finish.reason() == FinishReason.ERROR) {
        return Replies.error(ApiError.failed(finish.detail()), settings);
      }
    }
    Completion completion =
        new Completion(views.stream().map(RequestView::spec).toList(), tokenizer);
    return Replies.json(200, completion.answer(snapshots));
  }

  /** Ends the request where its client wants that and nobody else reads it. */
  private void clientLeft(RequestView view) {
    if (view.spec().cancelOnDisconnect()
        && !stopping
        && view.readers() == 0
        && view.snapshot().finish().isEmpty()) {
      end(view, "its client left it");
    }
  }

  private void end(RequestView view, String why) {
    String id = view.spec().id();
    requests
        .cancel(id)
        .whenComplete(
            (done, failure) -> {
              if (failure != null) {
                LOG.warn("{}, but request {} was not cancelled", why, id, failure);
              }
            });
  }

  static String id(Router.Call call) {
    String id = call.variables().get(0);
    if (!ID.matcher(id).matches()) {
      throw ApiError.notFound("There is no request of this id.");
    }
    return id;
  }

  private static RequestView existing(String id, Optional<RequestView> view) {
    return view.orElseThrow(() -> ApiError.notFound("There is no request " + id + "."));
  }

  private static boolean shown(Router.Call call, RequestView view) {
    return call.caller().sees(view.spec().scheduling().tenant()) && !AnswerContext.isHidden(view);
  }

  /** A request that is another tenant's is none, and neither is one that was not to be stored. */
  private static RequestView existing(Router.Call call, String id, Optional<RequestView> view) {
    return existing(id, view.filter(found -> shown(call, found)));
  }

  /** Where to go on: {@code ?after=}, or else the header that browsers send. */
  private static Optional<String> after(HttpRequest request) {
    return request
        .getUri()
        .query(StandardCharsets.UTF_8, org.apache.pekko.http.javadsl.model.Uri.RELAXED)
        .get("after")
        .or(() -> request.getHeader("Last-Event-ID").map(HttpHeader::value))
        .filter(value -> !value.isEmpty());
  }
}
