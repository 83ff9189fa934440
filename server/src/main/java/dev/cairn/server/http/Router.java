package dev.cairn.server.http;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** The table of routes: a method, and a path whose segments are literal or {@code {variable}}. */
public final class Router {
  /**
   * A request on its way.
   *
   * @param variables segments of the path that stand where the pattern has variables, in order and
   *     decoded
   * @param caller who asks
   */
  public record Call(
      HttpRequest request, List<String> variables, Caller caller, ClientConnection connection) {
    /** The value of the first variable. */
    public String variable() {
      return variables.get(0);
    }
  }

  /** What a route does. May throw instead of returning a failed stage. */
  public interface Handler {
    CompletionStage<HttpResponse> handle(Call call);
  }

  private record Route(String method, List<String> pattern, Handler handler) {}

  /** A path that is there, asked with a method that is not. */
  static final class MethodNotAllowed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String allowed;

    MethodNotAllowed(String allowed) {
      super(allowed, null, false, false);
      this.allowed = allowed;
    }

    /** The methods that are, separated by commas. */
    String allowed() {
      return allowed;
    }
  }

  private final List<Route> routes = new ArrayList<>();

  public void add(String method, String path, Handler handler) {
    routes.add(new Route(method, segments(path), handler));
  }

  /** Every route, as its method, a space and its path. */
  List<String> routes() {
    return routes.stream().map(r -> r.method + " " + String.join("/", r.pattern)).toList();
  }

  CompletionStage<HttpResponse> route(
      HttpRequest request, Caller caller, ClientConnection connection) {
    String method = request.method().name();
    List<String> path = segments(request.getUri().path());
    Set<String> allowed = new TreeSet<>();
    for (Route route : routes) {
      if (matches(route.pattern, path)) {
        if (route.method.equals(method)) {
          RequestRecord.of(request)
              .ifPresent(record -> record.route(String.join("/", route.pattern)));
          return route.handler.handle(
              new Call(request, variables(route.pattern, path), caller, connection));
        }
        allowed.add(route.method);
      }
    }
    if (allowed.isEmpty()) {
      throw ApiError.notFound("There is nothing at " + shortened(request.getUri().path()) + ".");
    }
    throw new MethodNotAllowed(String.join(", ", allowed));
  }

  private static List<String> segments(String path) {
    return Arrays.asList(path.split("/", -1));
  }

  private static boolean matches(List<String> pattern, List<String> path) {
    if (pattern.size() != path.size()) {
      return false;
    }
    for (int i = 0; i < path.size(); i++) {
      if (!isVariable(pattern.get(i)) && !pattern.get(i).equals(path.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static List<String> variables(List<String> pattern, List<String> path) {
    List<String> values = new ArrayList<>();
    for (int i = 0; i < path.size(); i++) {
      if (isVariable(pattern.get(i))) {
        values.add(decoded(path.get(i)));
      }
    }
    return values;
  }

  /** A segment without its percent-encoding; a plus sign in a path is one. */
  private static String decoded(String segment) {
    return URLDecoder.decode(segment.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static boolean isVariable(String segment) {
    return segment.startsWith("{");
  }

  private static String shortened(String path) {
    return path.length() > 200 ? path.substring(0, 200) + "…" : path;
  }
}
