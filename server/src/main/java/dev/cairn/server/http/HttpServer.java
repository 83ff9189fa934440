package dev.cairn.server.http;

import com.typesafe.config.Config;
import dev.cairn.server.NodeHandle;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.dispatch.Dispatchers;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.ServerBuilder;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.stream.ActorMaterializer;
import org.apache.pekko.stream.ActorMaterializerSettings;
import org.apache.pekko.stream.Materializer;
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

  /** Binds to the host and port of the settings; port 0 takes a free one. */
  public static CompletionStage<HttpServer> bind(
      NodeHandle node, HttpApi api, HttpSettings settings) {
    ActorSystem system = node.system().classicSystem();
    ServerBuilder server =
        Http.get(system)
            .newServerAt(settings.host(), settings.port())
            .withSettings(serverSettings(settings.server(), system.settings().config()));
    if (!api.dispatcher().equals(Dispatchers.DefaultDispatcherId())) {
      server = server.withMaterializer(materializer(system, api.dispatcher()));
    }
    return server
        .bindFlow(connections(api))
        .thenApply(binding -> new HttpServer(api, settings, binding));
  }

  private static ServerSettings serverSettings(Config server, Config config) {
    return ServerSettings.create(server.atPath("pekko.http.server").withFallback(config));
  }

  /** The HTTP layer of a port takes its threads from the materializer alone. */
  @SuppressWarnings("deprecation")
  private static Materializer materializer(ActorSystem system, String dispatcher) {
    return ActorMaterializer.create(
        ActorMaterializerSettings.create(system).withDispatcher(dispatcher), system);
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
  private static Flow<HttpRequest, HttpResponse, ?> connections(HttpApi api) {
    Executor executor = api.executor();
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
