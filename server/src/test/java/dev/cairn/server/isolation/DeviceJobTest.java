package dev.cairn.server.isolation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.cluster.NodeConfig;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class DeviceJobTest {
  private static Config config(String text) {
    return NodeConfig.load(ConfigFactory.parseString(text));
  }

  @Test
  @DisplayName("the device's process gets the server's configuration, as a device that joins it")
  void jobOverALine() {
    Config server =
        Isolation.gateway(
            config(
                "cairn.isolation.enabled = on\n"
                    + "cairn.device { max-slots = 7, kv-type = Q8_0 }\n"
                    + "cairn.admin.port = 8558\n"));
    DeviceJob job =
        DeviceJob.parse(
            DeviceJob.of(Path.of("/models/a b.gguf"), server, "127.0.0.1:7", "tcp", "own").line());
    assertThat(job.model()).isEqualTo(Path.of("/models/a b.gguf"));
    assertThat(job.config().getInt("cairn.device.max-slots")).isEqualTo(7);
    assertThat(job.config().getString("cairn.device.kv-type")).isEqualTo("Q8_0");
    assertThat(job.config().getStringList("cairn.node.roles")).containsExactly("device");
    assertThat(job.config().getStringList("pekko.cluster.roles")).containsExactly("device", "own");
    assertThat(job.config().getStringList("cairn.cluster.seeds")).containsExactly("127.0.0.1:7");
    assertThat(job.config().getString("cairn.cluster.transport")).isEqualTo("tcp");
    assertThat(job.config().getInt("cairn.admin.port")).isEqualTo(-1);
    assertThat(job.config().getBoolean("cairn.isolation.enabled")).isFalse();
    assertThat(job.line()).doesNotContain("\n");
    assertThatThrownBy(() -> DeviceJob.parse("hello"))
        .hasMessageContaining("started by cairn serve --isolate-device");
  }

  @Test
  @DisplayName("the server becomes a gateway that looks for its next device several times a second")
  void gateway() {
    Config server = Isolation.gateway(config("cairn.isolation.enabled = on"));
    assertThat(server.getStringList("cairn.node.roles")).containsExactly("gateway");
    assertThat(server.getStringList("pekko.cluster.roles")).containsExactly("gateway");
    assertThat(server.getDuration("cairn.requests.retry-assign")).isEqualTo(Duration.ofMillis(250));
    Config plain = config("");
    assertThat(Isolation.gateway(plain)).isSameAs(plain);
    assertThatThrownBy(
            () ->
                Isolation.gateway(
                    config("cairn { isolation.enabled = on, node.roles = [device] }")))
        .hasMessageContaining("cairn.node.roles is [device], expected gateway and device");
  }

  @Test
  @DisplayName("what cairn.isolation says is what the process is run by")
  void settings() {
    IsolationSettings settings =
        IsolationSettings.from(
            config(
                "cairn.isolation { enabled = on, min-backoff = 1 ms, max-backoff = 2 ms,"
                    + " reset-after = 3 ms, max-attempts = 4, stop-timeout = 5 ms }"));
    assertThat(settings)
        .isEqualTo(
            new IsolationSettings(
                true,
                Duration.ofMillis(1),
                Duration.ofMillis(2),
                Duration.ofMillis(3),
                4,
                Duration.ofMillis(5)));
  }
}
