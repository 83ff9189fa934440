package dev.cairn.server.http;

import com.typesafe.config.Config;
import dev.cairn.server.NodeHandle;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.stream.javadsl.Flow;

/** An HTTP API on a port. */
public final class HttpServer {
  private static final int PIPELINED = 2;

  private final HttpApi api;
  private final HttpSettings settings;
  private final ServerBinding binding;

  private HttpServer(HttpApi api, HttpSettings settings, ServerBinding binding) {
    this.api = api;
    this.settings = settings;
    this.binding = binding;
  }

  /**
   * Binds to a port of the settings' host.
   *
   * @param port 0 takes a free one
   */
  public static CompletionStage<HttpServer> bind(
      NodeHandle node, HttpApi api, HttpSettings settings, int port) {
    return Http.get(node.system().classicSystem())
        .newServerAt(settings.host(), port)
        .withSettings(serverSettings(node.system().classicSystem().settings().config()))
        .bindFlow(connections(node, api))
        .thenApply(binding -> new HttpServer(api, settings, binding));
  }

  private static ServerSettings serverSettings(Config config) {
    return ServerSettings.create(
        config.getConfig("cairn.http.server").atPath("pekko.http.server").withFallback(config));
  }

  public InetSocketAddress address() {
    return binding.localAddress();
  }

  /**
   * Accepts no more connections, lets what runs end, and closes what has not ended in time.
   * Requests are not cancelled: their clients resume them later.
   */
  public CompletionStage<?> stop() {
    api.stopping();
    return binding.terminate(settings.stopTimeout());
  }

  /**
   * The flow is made anew for each connection, so that handlers learn when theirs closes. It asks
   * for the next request while one is being answered: only a connection that is read from shows
   * that its client has left.
   */
  private static Flow<HttpRequest, HttpResponse, ?> connections(NodeHandle node, HttpApi api) {
    Executor executor = node.system().classicSystem().dispatcher();
    return Flow.fromMaterializer(
        (materializer, attributes) -> {
          ClientConnection connection = new ClientConnection();
          return Flow.<HttpRequest>create()
              .watchTermination(
                  (NotUsed notUsed, CompletionStage<Done> done) -> {
                    done.whenCompleteAsync((ok, failure) -> connection.close(), executor);
                    return notUsed;
                  })
              .mapAsync(PIPELINED, request -> api.handle(request, connection));
        });
  }
}
