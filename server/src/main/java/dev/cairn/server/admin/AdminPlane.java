package dev.cairn.server.admin;

import dev.cairn.server.LocalNode;
import dev.cairn.server.http.HttpApi;
import dev.cairn.server.http.Router;
import dev.cairn.server.keys.WatchedKeys;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.concurrent.Executor;

/** What the admin port offers beside health and metrics, and who may use it. */
public final class AdminPlane implements HttpApi.Operators {
  private final AdminGuard guard;
  private final Management management;
  private final RequestRoutes requests;
  private final ClusterRoutes cluster;
  private final PauseRoutes pauses;

  /**
   * The admin plane of a node.
   *
   * @throws UncheckedIOException where the keys file cannot be used; the message says why
   */
  public AdminPlane(LocalNode node, AdminSettings settings) {
    try {
      this.guard =
          new AdminGuard(
              new WatchedKeys<>(
                  AdminKey.file(settings.keysFile()), WatchedKeys.WhenBroken.NONE_VALID),
              settings.host());
    } catch (IOException e) {
      throw new UncheckedIOException("cairn.admin.keys-file: " + e.getMessage(), e);
    }
    this.management = new Management(node.system());
    Executor executor = HttpApi.operatorsExecutor(node);
    this.requests =
        new RequestRoutes(
            node.admin(),
            () -> node.isGateway() ? Optional.of(node.requests()) : Optional.empty(),
            settings,
            executor);
    this.cluster = new ClusterRoutes(node.admin(), settings, executor);
    this.pauses = new PauseRoutes(node.admin(), settings, executor);
  }

  @Override
  public HttpApi.Guard guard() {
    return guard;
  }

  @Override
  public void addTo(Router router, HttpApi api) {
    requests.addTo(router, api);
    cluster.addTo(router);
    pauses.addTo(router);
  }

  @Override
  public Optional<HttpApi.Passage> passage() {
    return Optional.of(management);
  }
}
