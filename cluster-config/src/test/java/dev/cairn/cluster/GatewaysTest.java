package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.postgres.LocalPostgres;
import dev.cairn.request.Snapshot;
import dev.cairn.scheduling.SimulatedDevice;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Requests that live on one gateway and are asked for at another. */
class GatewaysTest {
  private static final long PATIENCE_SECONDS = 60;

  private final SimulatedNodes nodes = new SimulatedNodes();
  private final String database = LocalPostgres.shared().createDatabase();
  private final long seed = Long.getLong("cairn.seed", System.nanoTime());
  private final Random random = new Random(seed);
  private final int port;
  private final String cluster;

  GatewaysTest() throws Exception {
    port = SimulatedNodes.freePort();
    cluster =
        "cairn.profile = cluster\n"
            + "cairn.postgres { url = \""
            + database
            + "\", user = postgres, connections = 4, parallel-batches = 3 }\n"
            + "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }\n"
            + SimulatedNodes.SOMEBODY_DIES
            + "cairn.placement { probe-interval = 50 ms, probe-timeout = 5 s, cooldown = 1 s }\n"
            + "cairn.relay { resync = 500 ms, linger = 200 ms }\n"
            + "cairn.requests { retry-assign = 50 ms, check-interval = 2 s, adopt-timeout = 2 s,"
            + " ask-timeout = 5 m, ask-again = 1 s }\n";
  }

  private CairnNode device(boolean paused) {
    return nodes.start(cluster + "cairn.node { roles = [device], port = " + port + " }", paused);
  }

  private CairnNode gateway(String more) {
    return nodes.start(cluster + more + "\ncairn.node.roles = [gateway]\n", false);
  }

  private static void await(String what, BooleanSupplier holds) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static void awaitNothingHeld(CairnNode... all) {
    for (CairnNode node : all) {
      await(
          "nothing is held: " + node.leaks().held(),
          () -> node.leaks().held().values().stream().allMatch(held -> held == 0));
    }
  }

  /** Reads a request to its end and asserts that what it sees never shrinks. */
  private static final class Reader {
    private final RequestView view;
    private final RequestView.Subscription subscription;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicReference<String> fault = new AtomicReference<>("");
    private int seen;

    Reader(RequestView view) {
      this.view = view;
      this.subscription = view.subscribe(this::look);
      look();
    }

    private synchronized void look() {
      Snapshot now = view.snapshot();
      if (now.tokens().size() < seen) {
        fault.set("saw " + seen + " tokens and then " + now.tokens().size());
      }
      seen = now.tokens().size();
      if (now.finish().isPresent()) {
        ended.countDown();
      }
    }

    void expect(RequestSpec spec, String replay) throws Exception {
      assertThat(ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS))
          .as("the end of " + spec.id() + ", which shows " + view.snapshot() + "; " + replay)
          .isTrue();
      subscription.cancel();
      assertThat(fault.get()).as(replay).isEmpty();
      assertThat(view.snapshot().tokens().toArray()).as(replay).isEqualTo(alone(spec));
    }
  }

  @Test
  @DisplayName("H14 parallel submissions of one id to two gateways make one request")
  void oneIdAtTwoGateways() throws Exception {
    try (CairnNode device = device(false);
        CairnNode one = gateway("");
        CairnNode other = gateway("")) {
      assertThat(device.deviceInfo()).isPresent();
      for (int round = 0; round < 4; round++) {
        RequestSpec spec = spec("same-" + round, random);
        List<CompletionStage<RequestView>> submitted = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
          submitted.add((i % 2 == 0 ? one : other).requests().submit(spec));
        }
        Set<RequestView> views = new HashSet<>();
        for (CompletionStage<RequestView> each : submitted) {
          views.add(get(each));
        }
        assertThat(views).as("a view on each gateway, seed " + seed).hasSize(2);
        for (RequestView view : views) {
          new Reader(view).expect(spec, "seed " + seed);
          assertThat(view.snapshot().attempts()).hasSize(1);
        }
      }
      awaitNothingHeld(one, other);
    }
  }

  @Test
  @DisplayName(
      "I8 any gateway pauses, resumes and cancels any request, and shows at once that it did")
  void controlFromAnyGateway() throws Exception {
    try (CairnNode device = device(true);
        CairnNode one = gateway("");
        CairnNode other = gateway("")) {
      assertThat(device.deviceInfo()).isPresent();
      SimulatedDevice steps = nodes.devices.take();
      List<Reader> resumedOnes = new ArrayList<>();
      // The device stands still until the last: none has ended before it is paused or cancelled.
      for (int i = 0; i < 6; i++) {
        RequestSpec spec = spec("c" + i, random).toBuilder().maxTokens(60).build();
        Reader reader = new Reader(get(one.requests().submit(spec)));
        RequestView paused = get(other.requests().pause(spec.id())).orElseThrow();
        assertThat(paused.snapshot().state()).isEqualTo(Snapshot.State.PAUSED);
        assertThat(get(one.requests().find(spec.id())).orElseThrow().snapshot().state())
            .isEqualTo(Snapshot.State.PAUSED);
        RequestView resumed = get(other.requests().resume(spec.id())).orElseThrow();
        assertThat(resumed.snapshot().state()).isNotEqualTo(Snapshot.State.PAUSED);
        if (i < 3) {
          RequestView cancelled = get(other.requests().cancel(spec.id())).orElseThrow();
          assertThat(cancelled.snapshot().finish().orElseThrow().reason())
              .isEqualTo(FinishReason.CANCELLED);
          assertThat(reader.ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
          reader.subscription.cancel();
        } else {
          resumedOnes.add(reader);
        }
      }
      steps.allow(1_000_000);
      for (Reader reader : resumedOnes) {
        reader.expect(reader.view.spec(), "seed " + seed);
      }
      assertThat(get(other.requests().cancel("nobody"))).isEmpty();
      awaitNothingHeld(one, other);
    }
  }

  @Test
  @DisplayName(
      "a full gateway answers through another one that it is full, and nothing is left of it")
  void aFullOwner() throws Exception {
    String few = "cairn.requests.max-unfinished = 3";
    try (CairnNode device = device(true);
        CairnNode one = gateway(few);
        CairnNode other = gateway(few)) {
      assertThat(device.deviceInfo()).isPresent();
      SimulatedDevice steps = nodes.devices.take();
      List<RequestSpec> accepted = new ArrayList<>();
      int refused = 0;
      for (int i = 0; i < 24; i++) {
        RequestSpec spec = spec("f" + i, random);
        try {
          get((i % 2 == 0 ? one : other).requests().submit(spec));
          accepted.add(spec);
        } catch (ExecutionException e) {
          assertThat(e.getCause())
              .isInstanceOfSatisfying(
                  RejectedException.class,
                  full -> assertThat(full.kind()).isEqualTo(RejectedException.Kind.QUEUE_FULL))
              .hasMessageContaining("3 unfinished requests");
          refused++;
        }
      }
      assertThat(accepted).as("three on each gateway, seed " + seed).hasSize(6);
      assertThat(refused).isEqualTo(18);
      steps.allow(100_000);
      for (RequestSpec spec : accepted) {
        new Reader(get(other.requests().find(spec.id())).orElseThrow()).expect(spec, "" + seed);
      }
      awaitNothingHeld(one, other);
    }
  }

  @Test
  @DisplayName(
      "L5 L11 readers on every gateway see every token when a gateway dies, and nothing is held")
  void aGatewayDies() throws Exception {
    String mortal = "pekko.coordinated-shutdown.run-by-actor-system-terminate = off";
    try (CairnNode device = device(true);
        CairnNode one = gateway(mortal);
        CairnNode two = gateway("");
        CairnNode three = gateway("")) {
      assertThat(device.deviceInfo()).isPresent();
      SimulatedDevice steps = nodes.devices.take();
      List<RequestSpec> specs = new ArrayList<>();
      List<Reader> readers = new ArrayList<>();
      List<CairnNode> gateways = List.of(one, two, three);
      for (int i = 0; i < 24; i++) {
        RequestSpec spec = spec("d" + i, random).toBuilder().maxTokens(40).build();
        specs.add(spec);
        get(gateways.get(i % 3).requests().submit(spec));
        readers.add(new Reader(get(two.requests().find(spec.id())).orElseThrow()));
        readers.add(new Reader(get(three.requests().find(spec.id())).orElseThrow()));
      }
      steps.allow(60);
      await(
          "some tokens",
          () -> readers.stream().filter(r -> r.view.snapshot().tokens().size() > 0).count() > 4);
      one.close();
      // What is said to a node that has just died is lost, and said again.
      List<CompletionStage<Optional<RequestView>>> found = new ArrayList<>();
      specs.forEach(spec -> found.add(two.requests().find(spec.id())));
      steps.allow(1_000_000);
      for (CompletionStage<Optional<RequestView>> each : found) {
        assertThat(get(each)).isPresent();
      }
      for (int i = 0; i < readers.size(); i++) {
        readers.get(i).expect(specs.get(i / 2), "seed " + seed);
      }
      awaitNothingHeld(two, three);
    }
  }

  @Test
  @DisplayName(
      "readers go on without a gap when their request moves to a gateway that joins or leaves")
  void requestsMove() throws Exception {
    try (CairnNode device = device(true);
        CairnNode one = gateway("")) {
      assertThat(device.deviceInfo()).isPresent();
      SimulatedDevice steps = nodes.devices.take();
      List<RequestSpec> specs = new ArrayList<>();
      List<Reader> readers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        RequestSpec spec = spec("m" + i, random).toBuilder().maxTokens(50).build();
        specs.add(spec);
        readers.add(new Reader(get(one.requests().submit(spec))));
      }
      steps.allow(40);
      CairnNode two = gateway("pekko.cluster.sharding.rebalance-interval = 500 ms");
      try {
        for (int i = 0; i < 16; i++) {
          readers.add(new Reader(get(two.requests().find("m" + i)).orElseThrow()));
        }
        steps.allow(40);
      } finally {
        // Says goodbye: what has come to live there moves back.
        two.close();
      }
      steps.allow(1_000_000);
      for (int i = 0; i < 16; i++) {
        readers.get(i).expect(specs.get(i), "seed " + seed);
      }
      awaitNothingHeld(one);
    }
  }
}
