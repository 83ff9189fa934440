package dev.cairn.server.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.bundled.BundledModel;
import dev.cairn.cluster.NodeConfig;
import dev.cairn.device.Devices;
import dev.cairn.model.ModelFile;
import dev.cairn.persistence.RequestIds;
import dev.cairn.server.LocalNode;
import dev.cairn.server.http.ClientAccess;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.HttpServer;
import dev.cairn.server.http.HttpSettings;
import dev.cairn.server.keys.KeyText;
import dev.cairn.server.metrics.CairnMetrics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A real node with the bundled model, its API and its admin port on free ports. */
public final class AdminNode implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  final Config config;
  final LocalNode node;
  final HttpApi operators;
  final HttpServer api;
  final HttpServer admin;
  private final CairnMetrics metrics = new CairnMetrics();
  private final HttpClient client = HttpClient.newHttpClient();
  private String key = "";

  /**
   * @param more configuration that goes before the defaults
   */
  public AdminNode(Path directory, String more) {
    config =
        NodeConfig.load(
            ConfigFactory.parseString(more)
                .withFallback(
                    ConfigFactory.parseMap(
                        Map.of(
                            "cairn.journal.directory",
                            directory.toString(),
                            "cairn.http.port",
                            0,
                            "cairn.admin.port",
                            0,
                            "cairn.device.threads",
                            1,
                            "cairn.http.stop-timeout",
                            "50ms",
                            "pekko.loglevel",
                            "WARNING"))));
    ModelFile model =
        ModelFile.read(
            BundledModel.extractTo(directory.resolve("models")), Devices.supportedTypes());
    node = LocalNode.start(config, model, metrics);
    RequestIds ids = new RequestIds(System::currentTimeMillis, new SecureRandom());
    HttpSettings http = HttpSettings.from(config);
    ClientAccess access = ClientAccess.from(config, model.spec().name(), System::nanoTime);
    metrics.apiKeys(access.keys());
    HttpApi clients =
        HttpApi.forClients(node, http, metrics, ids, System::currentTimeMillis, access)
            .with(DashboardRoutes.of(node, DashboardSettings.from(config))::addTo);
    api = HttpServer.bind(node, clients, http).toCompletableFuture().join();
    HttpSettings forOperators = HttpSettings.forOperators(config);
    operators =
        HttpApi.forOperators(
            node, forOperators, metrics, ids, new AdminPlane(node, AdminSettings.from(config)));
    admin = HttpServer.bind(node, operators, forOperators).toCompletableFuture().join();
  }

  /** Makes a key and writes its hash to the file of a data directory. */
  public static String addKey(Path directory, String name, AdminRole role) {
    String key = KeyText.fresh(new SecureRandom());
    try {
      AdminKey.file(directory.resolve("admin.keys")).add(AdminKey.of(name, role, key));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return key;
  }

  /** From now on every request to the admin port carries this key; empty: none. */
  public AdminNode with(String newKey) {
    key = newKey;
    return this;
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + admin.address().getPort());
  }

  public URI apiUrl() {
    return URI.create("http://127.0.0.1:" + api.address().getPort());
  }

  public HttpResponse<String> get(String path) {
    return send("GET", path, "");
  }

  public HttpResponse<String> post(String path, String body) {
    return send("POST", path, body);
  }

  public HttpResponse<String> send(String method, String path, String body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(url().resolve(path))
            .method(method, HttpRequest.BodyPublishers.ofString(body));
    if (!key.isEmpty()) {
      request.header("Authorization", "Bearer " + key);
    }
    return send(request.build());
  }

  public HttpResponse<String> complete(String body) {
    return send(
        HttpRequest.newBuilder(apiUrl().resolve("/v1/completions"))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build());
  }

  HttpResponse<String> send(HttpRequest request) {
    return client
        .sendAsync(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8))
        .orTimeout(60, TimeUnit.SECONDS)
        .join();
  }

  public HttpClient client() {
    return client;
  }

  public static JsonNode json(HttpResponse<String> reply) {
    return json(reply.body());
  }

  static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(text, e);
    }
  }

  @Override
  public void close() {
    api.stop().toCompletableFuture().join();
    admin.stop().toCompletableFuture().join();
    node.close();
    metrics.close();
  }
}
