package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nodes on hosts of their own, between which the network fails in several ways. */
class PartitionTest {
  private static final int NODES = 3;
  private static final int STREAMS = 12;
  private static final int ROUNDS = Integer.getInteger("cairn.cluster.partition-rounds", 4);

  /** Exit code of a node that its cluster put out. */
  private static final int PUT_OUT = 6;

  private static final long MOST_PAUSE_MILLIS = 60_000;

  /** How the network fails. */
  private enum Fault {
    /** Nothing passes between one node and the others. */
    SYMMETRIC,
    /** What one node sends is lost, what it is sent arrives. */
    DEAF_OTHERS,
    /** What two nodes send each other is lost; the third reaches both. */
    ONE_LINK,
    /** A link comes and goes before anybody can be sure. */
    FLAPPING
  }

  @TempDir Path directory;

  @Test
  @DisplayName("L5 L10 however the network splits one side goes on, and no two owners both commit")
  void theNetworkSplits() throws Exception {
    assumeTrue(
        TestNetwork.isPossible(),
        "PartitionTest is skipped: network namespaces cannot be made here; it needs root");
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("PartitionTest: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    Load load = new Load(STREAMS, 400).uninterrupted(directory.resolve("quiet"));
    List<Long> pauses = new ArrayList<>();
    int putOut = 0;
    try (TestNetwork network = TestNetwork.of(NODES);
        TestDatabase database = TestDatabase.create();
        TcpForwarder forwarder = new TcpForwarder(network.gateway(), database.port());
        TestCluster cluster =
            new TestCluster(
                directory,
                NODES,
                TestCluster.apart(network, database.url(network.gateway(), forwarder.port())),
                each -> each)) {
      cluster.start();
      for (int round = 0; round < ROUNDS; round++) {
        Fault fault = Fault.values()[round % Fault.values().length];
        String when = fault + " in round " + round + "; replay with -Dcairn.seed=" + seed;
        CountDownLatch seen = new CountDownLatch(1 + random.nextInt(STREAMS * 4));
        List<ClientStream> streams = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
          streams.add(load.stream(i, "round-" + round));
        }
        try (RoamingClients clients =
            new RoamingClients(cluster).follow(streams, seen::countDown)) {
          seen.await(2 * load.usualNanos(), TimeUnit.NANOSECONDS);
          long split = System.nanoTime();
          inject(fault, network, random);
          clients.join();
          pauses.addAll(clients.pausesAfter(split));
        }
        load.assertAsUninterrupted(streams, when);
        if (fault != Fault.FLAPPING) {
          awaitOnePutOut(cluster, when);
        }
        network.heal();
        putOut += restartThoseThatEnded(cluster, when);
      }
      database.assertOneWriterAtATime();
    }
    Pauses found = Pauses.of(pauses);
    System.out.printf(
        "PartitionTest: %d splits, %d nodes put out, %d streams under way, all as uninterrupted;"
            + " went on after %s%n",
        ROUNDS, putOut, found.count(), found);
    assertThat(found.longestMillis()).isLessThan(MOST_PAUSE_MILLIS);
  }

  private static void inject(Fault fault, TestNetwork network, Random random) {
    int one = random.nextInt(NODES);
    int other = (one + 1 + random.nextInt(NODES - 1)) % NODES;
    switch (fault) {
      case SYMMETRIC -> network.isolate(one);
      case DEAF_OTHERS -> {
        for (int each = 0; each < NODES; each++) {
          if (each != one) {
            network.cut(one, each);
          }
        }
      }
      case ONE_LINK -> {
        network.cut(one, other);
        network.cut(other, one);
      }
      case FLAPPING -> {
        for (int i = 0; i < 5; i++) {
          network.isolate(one);
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200 + random.nextInt(1200)));
          network.heal();
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200 + random.nextInt(600)));
        }
      }
    }
  }

  /** The side that lost ends by itself, with the code that says so. */
  private static void awaitOnePutOut(TestCluster cluster, String when) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (cluster.alive().size() == cluster.size()) {
      assertThat(System.nanoTime()).as("no node was put out, %s", when).isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  private static int restartThoseThatEnded(TestCluster cluster, String when) {
    int ended = 0;
    for (int node = 0; node < cluster.size(); node++) {
      if (!cluster.node(node).isAlive()) {
        assertThat(cluster.node(node).awaitExit())
            .as("exit code of node %s, %s; it said %s", node, when, cluster.node(node).errors())
            .isEqualTo(PUT_OUT);
        ended++;
        cluster.begin(node).await();
      }
    }
    assertThat(ended).as("nodes that ended, %s", when).isLessThan(cluster.size());
    return ended;
  }
}
