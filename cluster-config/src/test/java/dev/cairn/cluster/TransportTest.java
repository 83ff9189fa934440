package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.freePort;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.ViewProbe;
import dev.cairn.scheduling.SimulatedDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nodes that talk over each of the transports. */
class TransportTest {
  /** Ends a node as a crash does: nobody is told. */
  private static final String WITHOUT_A_WORD =
      "pekko.coordinated-shutdown { run-by-actor-system-terminate = off,"
          + " terminate-actor-system = off }\n";

  @TempDir Path directory;
  private SimulatedNodes nodes;
  private String cluster;
  private int seed;

  @BeforeEach
  void setUp() throws IOException {
    nodes = new SimulatedNodes();
    seed = freePort();
  }

  private void over(String transport) throws Exception {
    Path tls = directory.resolve("tls");
    if (transport.equals("tls-tcp")) {
      DevCertificates.make(tls, "127.0.0.1");
    }
    cluster =
        journal()
            + "cairn.cluster { seeds = [\"127.0.0.1:"
            + seed
            + "\"], transport = "
            + transport
            + ", aeron.directory = \""
            + media()
            + "\"\n"
            + DevCertificates.keys(tls, "127.0.0.1")
            + "}\n"
            + "cairn.placement { probe-interval = 50 ms, probe-timeout = 10 s, cooldown = 1 s }\n"
            + "cairn.requests { retry-assign = 50 ms, check-interval = 2 s, adopt-timeout = 5 s }\n";
  }

  private String journal() {
    return "cairn.journal.directory = \"" + directory.resolve("journal") + "\"\n";
  }

  private Path media() {
    return directory.resolve("media");
  }

  private CairnNode gateway() {
    return nodes.start(cluster + "cairn.node { roles = [gateway], port = " + seed + " }\n", false);
  }

  private CairnNode device(boolean paused, String more) {
    return nodes.start(cluster + "cairn.node.roles = [device]\n" + more, paused);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcp", "aeron-udp", "tls-tcp"})
  @DisplayName("H12 a gateway uses the devices of other nodes, and goes on when one is gone")
  void devicesOfOtherNodes(String transport) throws Exception {
    over(transport);
    cluster += SimulatedNodes.NOBODY_DIES;
    try (CairnNode gateway = gateway();
        CairnNode first = device(true, "")) {
      SimulatedDevice doomed = nodes.devices.poll(60, TimeUnit.SECONDS);
      Random random = new Random(9);
      List<RequestView> views = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        views.add(get(gateway.requests().submit(spec("x" + i, random))));
      }
      doomed.allow(12);
      awaitFirstToken(views);
      try (CairnNode second = device(false, "")) {
        assertThat(second.deviceInfo()).isPresent();
        first.close();
        for (RequestView view : views) {
          ViewProbe.finished(view);
          assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
        }
        assertThat(views).anyMatch(view -> view.snapshot().epoch() > 1);
      }
    }
    assertThat(leftOver()).as("what the media drivers left").isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcp", "aeron-udp", "tls-tcp"})
  @DisplayName("a node stops in order although another has just died without a word")
  void stopsAfterAnotherDied(String transport) throws Exception {
    over(transport);
    CairnNode gateway = gateway();
    CairnNode dying = device(true, WITHOUT_A_WORD);
    get(gateway.requests().submit(spec("x", new Random(9))));
    dying.close();
    long begun = System.nanoTime();
    gateway.close();
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
    System.out.printf("TransportTest: stopped over %s within %d s%n", transport, seconds + 1);
    assertThat(seconds).as("seconds to stop, over " + transport).isLessThan(22);
  }

  @Test
  @DisplayName(
      "a directory that a killed node has left is deleted by the next one, a live one is not")
  void abandonedDirectories() throws Exception {
    over("aeron-udp");
    Path abandoned = Files.createDirectories(media().resolve("cairn-aeron-1-abandoned"));
    Files.setLastModifiedTime(abandoned, java.nio.file.attribute.FileTime.fromMillis(0));
    Path starting = Files.createDirectories(media().resolve("cairn-aeron-2-starting"));
    try (CairnNode gateway = gateway()) {
      assertThat(gateway.readiness().isReady()).isTrue();
      assertThat(abandoned).doesNotExist();
      assertThat(starting).exists();
      assertThat(leftOver()).as("with the node's own").hasSize(2);
    }
    assertThat(leftOver()).containsExactly(starting);
  }

  private List<Path> leftOver() throws IOException {
    if (!Files.exists(media())) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(media())) {
      return files.toList();
    }
  }

  private static void awaitFirstToken(List<RequestView> views) {
    // Which of them the steps reach first depends on when the gateway learns of the device.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (views.stream().allMatch(view -> view.snapshot().tokens().size() == 0)) {
      assertThat(System.nanoTime()).as("time to a first token").isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  @Test
  @DisplayName(
      "nodes of a cluster talk over Aeron unless told otherwise, a node that is alone over TCP")
  void transportByDefault() {
    assertThat(ClusterTransport.transport(SimulatedNodes.config(""))).isEqualTo("tcp");
    assertThat(
            ClusterTransport.transport(
                SimulatedNodes.config("cairn.cluster.seeds = [\"127.0.0.1:1\"]")))
        .isEqualTo("aeron-udp");
    assertThat(ClusterTransport.transport(SimulatedNodes.config("cairn.profile = cluster")))
        .isEqualTo("aeron-udp");
    Config wrong = SimulatedNodes.config("cairn.cluster.transport = quic");
    assertThatThrownBy(() -> ClusterTransport.prepare(wrong))
        .hasMessage("cairn.cluster.transport is quic, expected auto, tcp, aeron-udp or tls-tcp");
  }

  @Test
  @DisplayName("what is configured for Aeron reaches its media driver")
  void aeronSettings() {
    Config prepared =
        ClusterTransport.prepare(
            SimulatedNodes.config(
                "cairn.cluster { transport = aeron-udp, aeron { directory = \""
                    + media()
                    + "\", idle-cpu-level = 3 } }"));
    Config aeron = prepared.getConfig("pekko.remote.artery.advanced.aeron");
    assertThat(prepared.getString("pekko.remote.artery.transport")).isEqualTo("aeron-udp");
    assertThat(Path.of(aeron.getString("aeron-dir")).getParent()).isEqualTo(media());
    assertThat(aeron.getInt("idle-cpu-level")).isEqualTo(3);
    assertThat(Long.getLong("aeron.term.buffer.length")).isEqualTo(2 << 20);
    assertThatThrownBy(
            () ->
                ClusterTransport.prepare(
                    SimulatedNodes.config(
                        "cairn.cluster { transport = aeron-udp, aeron.directory = /proc/none }")))
        .hasMessageStartingWith(
            "cairn.cluster.aeron.directory is /proc/none, which cannot be written to");
  }

  @Test
  @DisplayName(
      "Java serialization that somebody's configuration turns on is refused with a sentence")
  void javaSerialization() {
    assertThatThrownBy(() -> nodes.start("pekko.actor.allow-java-serialization = on\n", false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("pekko.actor.allow-java-serialization is on, expected off");
  }
}
