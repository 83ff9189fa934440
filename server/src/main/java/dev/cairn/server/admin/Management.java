package dev.cairn.server.admin;

import dev.cairn.server.http.ApiError;
import dev.cairn.server.http.HttpApi;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.japi.function.Function;
import org.apache.pekko.management.javadsl.PekkoManagement;

/**
 * Pekko Management's routes, behind the door of the admin port: the members of the cluster, their
 * leaving and downing, and its own checks of health. Its errors are given the form of all others.
 */
final class Management implements HttpApi.Passage {
  /** Paths that begin so are Pekko Management's. */
  static final List<String> PREFIXES = List.of("/cluster/", "/ready", "/alive", "/startup");

  private static final Duration MAX_WAIT = Duration.ofSeconds(5);
  private static final int MAX_MESSAGE = 500;

  private final ClassicActorSystemProvider system;
  private final Function<HttpRequest, CompletionStage<HttpResponse>> routes;

  Management(ClassicActorSystemProvider system) {
    this.system = system;
    this.routes =
        PekkoManagement.get(system)
            .getRoutes(settings -> settings.withReadOnly(false))
            .function(system);
  }

  @Override
  public Optional<CompletionStage<HttpResponse>> handle(HttpRequest request) {
    String path = request.getUri().path();
    boolean mine =
        PREFIXES.stream()
            .anyMatch(
                prefix -> prefix.endsWith("/") ? path.startsWith(prefix) : path.equals(prefix));
    return mine ? Optional.of(passed(request)) : Optional.empty();
  }

  private CompletionStage<HttpResponse> passed(HttpRequest request) {
    try {
      return routes.apply(request).thenCompose(this::inForm);
    } catch (Exception e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private CompletionStage<HttpResponse> inForm(HttpResponse reply) {
    int status = reply.status().intValue();
    if (status < 400) {
      return CompletableFuture.completedFuture(reply);
    }
    return reply
        .entity()
        .toStrict(MAX_WAIT.toMillis(), system)
        .thenApply(
            entity -> {
              String text = entity.getData().decodeString(StandardCharsets.UTF_8);
              throw ApiError.passedOn(
                  status, text.length() > MAX_MESSAGE ? text.substring(0, MAX_MESSAGE) : text);
            });
  }
}
