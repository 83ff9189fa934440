package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestActor;
import dev.cairn.actors.RequestView;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.postgres.LocalPostgres;
import dev.cairn.scheduling.SimulatedDevice;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.sharding.ShardRegion.CurrentShardRegionState;
import org.apache.pekko.cluster.sharding.typed.GetShardRegionState;
import org.apache.pekko.cluster.sharding.typed.javadsl.ClusterSharding;
import org.apache.pekko.cluster.sharding.typed.javadsl.EntityTypeKey;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gateways that share a journal in a real PostgreSQL. */
class PostgresClusterTest {
  private static final EntityTypeKey<RequestActor.Command> REQUEST =
      EntityTypeKey.create(RequestActor.Command.class, "request");
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final SimulatedNodes nodes = new SimulatedNodes();
  private final String database = LocalPostgres.shared().createDatabase();

  private String cluster(int seed) {
    return "cairn.profile = cluster\n"
        + "cairn.postgres { url = \""
        + database
        + "\", user = postgres, connections = 4, parallel-batches = 3 }\n"
        + "cairn.cluster.seeds = [\"127.0.0.1:"
        + seed
        + "\"]\n"
        + SimulatedNodes.SOMEBODY_DIES
        + "cairn.placement { probe-interval = 50 ms, probe-timeout = 2 s, cooldown = 1 s }\n"
        + "cairn.requests { retry-assign = 50 ms, check-interval = 2 s, adopt-timeout = 1 s,"
        + " ask-timeout = 50 s, ask-again = 1 s }\n";
  }

  /** Ids of the requests whose actors live at a gateway. */
  private static Set<String> owned(CairnNode gateway) throws Exception {
    CurrentShardRegionState state =
        get(
            AskPattern
                .<org.apache.pekko.cluster.sharding.typed.ClusterShardingQuery,
                    CurrentShardRegionState>
                    ask(
                        ClusterSharding.get(gateway.system()).shardState(),
                        replyTo -> new GetShardRegionState(REQUEST, replyTo),
                        PATIENCE,
                        gateway.system().scheduler()));
    Set<String> ids = new HashSet<>();
    state.getShards().forEach(shard -> ids.addAll(shard.getEntityIds()));
    return ids;
  }

  private static RequestView submit(RequestSpec spec, CairnNode one, CairnNode other)
      throws Exception {
    try {
      return get(one.requests().submit(spec));
    } catch (ExecutionException e) {
      assertThat(e.getCause()).isInstanceOf(RejectedException.class);
      return get(other.requests().submit(spec));
    }
  }

  /** Asks again while a request moves from one gateway to another. */
  private static RequestView found(CairnNode gateway, String id) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return get(gateway.requests().find(id)).orElseThrow();
      } catch (ExecutionException e) {
        assertThat(e.getCause()).isInstanceOf(RejectedException.class);
        assertThat(System.nanoTime()).as("time to find " + id).isLessThan(deadline);
        Thread.onSpinWait();
      }
    }
  }

  private static void until(Callable<Boolean> condition, String what) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static void awaitEnd(RequestView view) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (view.snapshot().finish().isEmpty()) {
      assertThat(System.nanoTime()).as("time to the end").isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  @Test
  @DisplayName("L5 requests of a gateway that dies go on at another one, to the same tokens")
  void aGatewayDies() throws Exception {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    Random random = new Random(seed);
    int port = SimulatedNodes.freePort();
    String gateway = cluster(port) + "cairn.node.roles = [gateway]\n";
    // A node that dies does not say goodbye.
    String mortal = gateway + "pekko.coordinated-shutdown.run-by-actor-system-terminate = off\n";
    int first = SimulatedNodes.freePort();
    int second = SimulatedNodes.freePort();
    // Of two gateways the one with the lowest address goes on.
    String low = "cairn.node.port = " + Math.min(first, second);
    String high = "cairn.node.port = " + Math.max(first, second);
    try (CairnNode device =
            nodes.start(
                cluster(port) + "cairn.node { roles = [device], port = " + port + " }", true);
        CairnNode left = nodes.start(gateway + low, true);
        CairnNode dying = nodes.start(mortal + high, true)) {
      SimulatedDevice steps = nodes.devices.poll(60, TimeUnit.SECONDS);
      List<RequestSpec> specs = new ArrayList<>();
      List<RequestView> views = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        specs.add(spec("p" + i, random));
        views.add(submit(specs.get(i), left, dying));
      }
      assertThat(device.deviceInfo()).isPresent();
      // A gateway that has just come gets its first shards when they are next rebalanced.
      until(() -> !owned(left).isEmpty() && !owned(dying).isEmpty(), "both to have requests");
      steps.allow(8);
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (views.stream().allMatch(view -> view.snapshot().tokens().size() == 0)) {
        assertThat(System.nanoTime()).as("time to a first token").isLessThan(deadline);
        Thread.onSpinWait();
      }
      dying.close();
      steps.allow(1_000_000);
      for (RequestSpec spec : specs) {
        RequestView view = found(left, spec.id());
        awaitEnd(view);
        assertThat(view.snapshot().tokens().toArray())
            .as("replay with -Dcairn.seed=" + seed)
            .isEqualTo(alone(spec));
      }
      assertThat(left.journal().orElseThrow().unfinished("", 100)).isEmpty();
    }
  }

  @Test
  @DisplayName("L5 after a restart what is unfinished is started by itself, and what ended is not")
  void remembered() throws Exception {
    Random random = new Random(7);
    String alone = cluster(SimulatedNodes.freePort()).replaceAll("cairn.cluster.seeds.*", "");
    RequestSpec ends = spec("ends", random);
    RequestSpec open =
        RequestSpec.of("open", "m", "print", new int[] {1, 2, 3})
            .submittedAtMillis(1)
            .maxTokens(40)
            .ignoreEos(true)
            .build();
    try (CairnNode node = nodes.start(alone, false)) {
      awaitEnd(get(node.requests().submit(ends)));
      until(() -> !owned(node).contains("ends"), "the one that ended to be let go");
    }
    nodes.devices.clear();
    try (CairnNode node = nodes.start(alone, true)) {
      get(node.requests().submit(open));
      nodes.devices.take().allow(3);
    }
    try (CairnNode node = nodes.start(alone, false)) {
      until(() -> node.journal().orElseThrow().unfinished("", 10).isEmpty(), "its end, unasked");
      assertThat(owned(node)).doesNotContain("ends");
      RequestView view = found(node, "open");
      awaitEnd(view);
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(open));
    }
  }

  @Test
  @DisplayName("gateways of other journals refuse each other and say which they have")
  void wrongMixes(@TempDir Path directory) throws Exception {
    int port = SimulatedNodes.freePort();
    String rocks =
        "cairn.cluster.seeds = [\"127.0.0.1:"
            + port
            + "\"]\ncairn.journal.directory = \""
            + directory
            + "\"\n";
    String elsewhere = cluster(port).replace(database, LocalPostgres.shared().createDatabase());
    try (CairnNode gateway = nodes.start(cluster(port) + "cairn.node.port = " + port, false)) {
      assertThatThrownBy(() -> nodes.start(rocks, false))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining(
              "a gateway at 127.0.0.1:" + port + " whose journal is the PostgreSQL")
          .hasMessageContaining("this node's is its own, in RocksDB")
          .hasMessageContaining("expected the same one: cairn.profile = cluster");
      assertThatThrownBy(() -> nodes.start(elsewhere, false))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("and this node's is the PostgreSQL database");
      awaitEnd(get(gateway.requests().submit(spec("still", new Random(4)))));
    }
    try (CairnNode gateway = nodes.start(rocks + "cairn.node.port = " + port, false)) {
      assertThat(gateway.readiness().isReady()).isTrue();
      assertThatThrownBy(() -> nodes.start(cluster(port), false))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("whose journal this node cannot share")
          .hasMessageContaining("or cairn.profile = cluster on every gateway");
    }
  }

  @Test
  void aProfileThatThereIsNotIsRefused() {
    assertThatThrownBy(() -> SimulatedNodes.config("cairn.profile = twin"))
        .hasMessage("cairn.profile is \"twin\", expected single or cluster");
  }

  @Test
  @DisplayName("the environment's CAIRN_POSTGRES_… goes before a file")
  void environment() {
    Config config = SimulatedNodes.config("cairn.postgres { user = file, password = file }");
    assertThat(config.getString("cairn.postgres.user")).isEqualTo("file");
    assertThat(config.getString("cairn.postgres.password"))
        .isEqualTo(System.getenv("CAIRN_POSTGRES_PASSWORD"));
  }
}
