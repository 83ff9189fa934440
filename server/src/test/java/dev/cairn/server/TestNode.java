package dev.cairn.server;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.Embeddings;
import dev.cairn.actors.InMemoryEmbeddings;
import dev.cairn.actors.InMemoryRequests;
import dev.cairn.actors.Requests;
import dev.cairn.cluster.DrainSwitch;
import dev.cairn.cluster.GrammarSettings;
import dev.cairn.model.AttentionSpec;
import dev.cairn.model.ModelSpec;
import dev.cairn.model.NetworkSpec;
import dev.cairn.model.RopeSpec;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.grammar.Languages;
import dev.cairn.persistence.RequestIds;
import dev.cairn.server.admin.DashboardRoutes;
import dev.cairn.server.admin.DashboardSettings;
import dev.cairn.server.http.ClientAccess;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.HttpServer;
import dev.cairn.server.http.HttpSettings;
import dev.cairn.server.metrics.CairnMetrics;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.ClassicActorSystemProvider;

/** A node whose tokens spell a text given by the test, with its HTTP server on a free port. */
public final class TestNode implements NodeHandle {
  public static final int MAX_CONTEXT = 600;
  public static final String MODEL = "test-model";

  private final ActorSystem system;
  private final ByteTokenizer tokenizer = new ByteTokenizer();
  private final CairnMetrics metrics = new CairnMetrics();
  private final Languages languages;
  private final InMemoryRequests requests;
  private final InMemoryEmbeddings embeddings = new InMemoryEmbeddings();
  private final HttpApi api;
  private final HttpServer server;
  private final HttpClient client = HttpClient.newHttpClient();
  private final DrainSwitch draining = new DrainSwitch();
  private final Optional<String> chatTemplate;
  private volatile List<String> notReady = List.of();
  private volatile long skippedNanos;

  /**
   * @param output what every request answers, over and over
   * @param settings configuration that goes before the defaults
   */
  public TestNode(String output, String settings) {
    this(script(output), settings);
  }

  public TestNode(int[] script, String settings) {
    Config config =
        ConfigFactory.parseString(settings)
            .withFallback(
                ConfigFactory.parseString(
                    "cairn.http.port = 0, pekko.loglevel = WARNING, pekko.actor.provider = local,"
                        + " cairn.http.stop-timeout = 50ms"))
            .withFallback(ConfigFactory.load());
    system = ActorSystem.create("test", config);
    chatTemplate =
        config.hasPath("test.chat-template")
            ? Optional.of(config.getString("test.chat-template"))
            : Optional.empty();
    languages = GrammarSettings.languages(config, tokenizer);
    requests = new InMemoryRequests(tokenizer, i -> script[i % script.length]);
    metrics.held(() -> java.util.Map.of("readers", (long) requests.readers()));
    HttpSettings http = HttpSettings.from(config);
    ClientAccess access = ClientAccess.from(config, MODEL, () -> skippedNanos);
    metrics.apiKeys(access.keys());
    api =
        HttpApi.forClients(
                this,
                http,
                metrics,
                new RequestIds(System::currentTimeMillis, new SecureRandom()),
                System::currentTimeMillis,
                access)
            .with(
                new DashboardRoutes(
                        new InMemoryOverview(requests),
                        DashboardSettings.from(config),
                        MODEL,
                        System::currentTimeMillis,
                        system.dispatcher())
                    ::addTo);
    server = HttpServer.bind(this, api, http).toCompletableFuture().join();
  }

  private static int[] script(String output) {
    return new ByteTokenizer().encode(output, false, false);
  }

  public InMemoryRequests inMemory() {
    return requests;
  }

  public CairnMetrics metrics() {
    return metrics;
  }

  public HttpApi api() {
    return api;
  }

  /** Lets time pass for the limits of rates, which stands still otherwise. */
  public void skip(long nanos) {
    skippedNanos += nanos;
  }

  public HttpServer server() {
    return server;
  }

  public void setNotReady(List<String> reasons) {
    notReady = new ArrayList<>(reasons);
  }

  public URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.address().getPort() + path);
  }

  public HttpResponse<String> get(String path, String... headers) {
    return send(request(path, headers).GET().build());
  }

  public HttpResponse<String> post(String path, String body, String... headers) {
    return send(request(path, headers).POST(HttpRequest.BodyPublishers.ofString(body)).build());
  }

  public HttpResponse<String> send(HttpRequest request) {
    return client
        .sendAsync(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8))
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
  }

  public HttpRequest.Builder request(String path, String... headers) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(uri(path));
    for (int i = 0; i < headers.length; i += 2) {
      builder.header(headers[i], headers[i + 1]);
    }
    return builder;
  }

  public HttpClient client() {
    return client;
  }

  @Override
  public ClassicActorSystemProvider system() {
    return system;
  }

  @Override
  public Requests requests() {
    return requests;
  }

  /** Vectors that are computed in memory. */
  public InMemoryEmbeddings vectors() {
    return embeddings;
  }

  @Override
  public Embeddings embeddings() {
    return embeddings;
  }

  @Override
  public ModelSpec model() {
    return new ModelSpec(
        Path.of("test.gguf"),
        1,
        1_000_000,
        "f00d",
        MODEL,
        "llama",
        8,
        1,
        1,
        1,
        8,
        8,
        tokenizer.size(),
        MAX_CONTEXT,
        1e-5f,
        RopeSpec.plain(RopeSpec.Layout.INTERLEAVED, 8, 10000f),
        AttentionSpec.plain(1, 8),
        NetworkSpec.PLAIN,
        List.of());
  }

  @Override
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  @Override
  public Languages languages() {
    return languages;
  }

  @Override
  public Optional<String> chatTemplate() {
    return chatTemplate;
  }

  @Override
  public int maxContext() {
    return MAX_CONTEXT;
  }

  @Override
  public List<String> notReady() {
    return notReady;
  }

  @Override
  public DrainSwitch draining() {
    return draining;
  }

  @Override
  public void close() {
    server.stop().toCompletableFuture().join();
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().join();
    metrics.close();
  }
}
