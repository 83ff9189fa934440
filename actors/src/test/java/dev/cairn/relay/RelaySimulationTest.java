package dev.cairn.relay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RelaySimulationTest {
  private static final int LIVES = 2_000;

  private static RequestSpec spec(int number, Random random) {
    boolean logprobs = random.nextInt(4) == 0;
    return RequestSpec.of(
            "r" + number, "m", "f", random.ints(1 + random.nextInt(60), 0, 90_000).toArray())
        .maxTokens(1_000)
        .logprobs(logprobs ? random.nextInt(4) : -1)
        .promptLogprobs(logprobs && random.nextBoolean())
        .build();
  }

  /** One life of a cluster; its readers must see all of every request when the network heals. */
  private static void live(long seed) {
    Random random = new Random(seed);
    int nodes = 2 + random.nextInt(3);
    int batchBytes = random.nextBoolean() ? 200 : 20_000;
    RelayWorld world = new RelayWorld(seed, nodes, batchBytes, 1 + random.nextInt(20));
    world.loss = random.nextDouble() * 0.4;
    world.repetition = random.nextDouble() * 0.3;
    world.mostDelay = 1 + random.nextInt(60);
    world.tickForEver(50);
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 1 + random.nextInt(12); i++) {
      RequestSpec spec = spec(i, random);
      ids.add(spec.id());
      world.accept(spec, random.nextInt(nodes));
    }
    for (int i = 0; i < 200; i++) {
      happen(world, random, ids);
      world.run(random.nextInt(40));
    }
    world.loss = 0;
    world.repetition = 0;
    world.run(10 * RelayWorld.RESYNC);
    ids.forEach(world::finish);
    world.run(20 * RelayWorld.RESYNC);
    check(world, seed);
  }

  private static void happen(RelayWorld world, Random random, List<String> ids) {
    String id = ids.get(random.nextInt(ids.size()));
    RelayWorld.Node node = world.nodes.get(random.nextInt(world.nodes.size()));
    switch (random.nextInt(14)) {
      case 0 -> {
        int to = random.nextInt(world.nodes.size());
        world.move(id, to, 1 + random.nextInt(400), random.nextBoolean());
      }
      case 1 -> {
        if (random.nextInt(8) == 0) {
          node.restart();
        }
      }
      case 2, 3, 4 -> {
        int owner = world.owners.get(id);
        boolean here = node.owned.containsKey(id) || node.shown.containsKey(id);
        if (owner >= 0 && owner != node.name && !here) {
          node.read.add(id);
          node.follower.follow(id, owner, world.now);
        }
      }
      case 5 -> {
        if (random.nextInt(4) == 0) {
          node.follower.drop(id, world.now);
          node.shown.remove(id);
          node.read.remove(id);
        }
      }
      case 6 -> {
        if (random.nextInt(20) == 0) {
          world.finish(id);
        }
      }
      default -> world.step(id);
    }
  }

  private static void check(RelayWorld world, long seed) {
    String replay = "replay with seed " + seed;
    for (RelayWorld.Node node : world.nodes) {
      for (String id : node.read) {
        if (world.owners.get(id) != node.name) {
          Snapshot shown = node.shown.get(id);
          assertThat(shown).as(replay + ": node " + node.name + " shows " + id).isNotNull();
          assertThat(shown.finish()).as(replay).isPresent();
          world.assertIsTrue(id, shown);
        }
      }
    }
    assertThat(world.contradictions).as(replay).isZero();
    for (RelayWorld.Node node : world.nodes) {
      for (String id : world.journal.keySet()) {
        node.follower.drop(id, world.now);
      }
      assertThat(node.follower.followed()).isZero();
      assertThat(node.follower.bytes()).as(replay).isZero();
    }
    world.run(RelayWorld.LEASE + 200);
    for (RelayWorld.Node node : world.nodes) {
      assertThat(node.feed.followed()).as(replay).isZero();
    }
  }

  @Test
  @DisplayName(
      "L11 whatever is lost, repeated or overtaken between nodes, every reader sees every token,"
          + " and nothing is held when all has ended")
  void readersSeeEverything() {
    long first = Long.getLong("cairn.seed", 1);
    long lives = Long.getLong("cairn.seed") == null ? LIVES : 1;
    LongStream.range(first, first + lives)
        .forEach(
            seed -> {
              try {
                live(seed);
              } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("replay with -Dcairn.seed=" + seed, e);
              }
            });
  }
}
