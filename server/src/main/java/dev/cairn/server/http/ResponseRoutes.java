package dev.cairn.server.http;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.Answer;
import dev.cairn.server.NodeHandle;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.Query;
import org.apache.pekko.http.javadsl.model.Uri;

/** Routes of {@code /v1/responses}. A response is a request, under the same id. */
final class ResponseRoutes {
  private final CompletionRoutes requests;
  private final Intake intake;
  private final ResponseParser parser;
  private final Tokenizer tokenizer;
  private final Executor executor;

  ResponseRoutes(NodeHandle node, CompletionRoutes requests, Intake intake, ResponseParser parser) {
    this.intake = intake;
    this.requests = requests;
    this.parser = parser;
    this.tokenizer = node.tokenizer();
    this.executor = node.system().classicSystem().dispatcher();
  }

  /** {@code POST /v1/responses}. */
  CompletionStage<HttpResponse> create(Router.Call call, ObjectNode body) {
    Optional<String> previous =
        new Fields(body).string("previous_response_id").filter(id -> !id.isEmpty());
    return previous.isEmpty()
        ? create(call, body, parser)
        : requests
            .find(call, previous.get())
            .thenComposeAsync(
                found -> create(call, body, parser.after(conversation(found))), executor);
  }

  private ArrayNode conversation(Optional<RequestView> previous) {
    RequestView view =
        previous
            .filter(found -> isResponse(found) && AnswerContext.isStored(found.spec()))
            .orElseThrow(
                () ->
                    ApiError.previousNotFound(
                        "There is no response of the id that previous_response_id names."));
    return Conversation.after(view, tokenizer);
  }

  private CompletionStage<HttpResponse> create(
      Router.Call call, ObjectNode body, CallParser parser) {
    Intake.Taken taken = intake.take(call, body, parser);
    CompletionCall wanted = taken.call();
    return requests
        .submit(wanted.requests(), CompletionRoutes.traceParent(call))
        .thenComposeAsync(
            views -> {
              RequestView view = views.get(0);
              RequestRecord.of(call.request()).ifPresent(record -> record.views(views));
              if (!AnswerContext.isStored(view.spec()) && !Intake.isNamed(call)) {
                requests.deleteAtEnd(view);
              }
              CompletionStage<HttpResponse> reply =
                  wanted.stream()
                      ? CompletableFuture.completedFuture(events(view, call, Optional.empty()))
                      : ResponseParser.isBackground(view.spec())
                          ? CompletableFuture.completedFuture(state(view))
                          : requests.ended(views, call.connection()).thenApply(done -> state(view));
              return reply.thenApply(taken::reply);
            },
            executor);
  }

  /** {@code GET /v1/responses/{id}}, as a stream where the query asks for one. */
  CompletionStage<HttpResponse> get(Router.Call call) {
    Query query = call.request().getUri().query(StandardCharsets.UTF_8, Uri.RELAXED);
    boolean stream = query.get("stream").map("true"::equals).orElse(false);
    Optional<Integer> after = query.get("starting_after").map(ResponseRoutes::number);
    return view(call)
        .thenApplyAsync(
            view ->
                Replies.ofRequest(
                    view.spec().id(), stream ? events(view, call, after) : state(view)),
            executor);
  }

  /** {@code POST /v1/responses/{id}/cancel}. */
  CompletionStage<HttpResponse> cancel(Router.Call call) {
    return view(call)
        .thenComposeAsync(view -> requests.cancel(view.spec().id()), executor)
        .thenApplyAsync(view -> Replies.ofRequest(view.spec().id(), state(view)), executor);
  }

  /** {@code DELETE /v1/responses/{id}}. */
  CompletionStage<HttpResponse> delete(Router.Call call) {
    return view(call)
        .thenComposeAsync(view -> requests.delete(view.spec().id()), executor)
        .thenApplyAsync(
            id -> {
              ObjectNode out = Json.object();
              out.put("id", id).put("object", "response").put("deleted", true);
              return Replies.ofRequest(id, Replies.json(200, out));
            },
            executor);
  }

  private CompletionStage<RequestView> view(Router.Call call) {
    return requests
        .find(call)
        .thenApply(
            views -> {
              RequestView view = views.get(0);
              if (!isResponse(view)) {
                throw ApiError.notFound("There is no response " + view.spec().id() + ".");
              }
              return view;
            });
  }

  private static boolean isResponse(RequestView view) {
    return view.spec().answer().form() == Answer.Form.RESPONSE;
  }

  private HttpResponse state(RequestView view) {
    return Replies.json(200, new ResponseObject(view.spec(), tokenizer).of(view.snapshot()));
  }

  private HttpResponse events(RequestView view, Router.Call call, Optional<Integer> after) {
    ResponseEvents renderer = new ResponseEvents(view.spec(), tokenizer);
    after.ifPresent(number -> renderer.startAfter(number, view.snapshot()));
    return requests.stream(view, call.connection(), renderer::render);
  }

  private static int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw ApiError.invalid(
          "starting_after", "starting_after is not a number; expected a sequence number.");
    }
  }
}
