package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static dev.cairn.cluster.SimulatedNodes.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.postgres.LocalPostgres;
import dev.cairn.postgres.UnreliableLink;
import dev.cairn.scheduling.SimulatedDevice;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What requests do while their journal in PostgreSQL is away, or is not theirs alone. */
class PostgresOutageTest {
  private static final Duration PATIENCE = Duration.ofSeconds(180);

  private final SimulatedNodes nodes = new SimulatedNodes();
  private final String database = LocalPostgres.shared().createDatabase();
  private final long seed = Long.getLong("cairn.seed", System.nanoTime());

  private static String cluster(String url) {
    return "cairn.profile = cluster\n"
        + "cairn.postgres { url = \""
        + url
        + "\", user = postgres, connections = 4, parallel-batches = 3, probe-interval = 100 ms,"
        + " socket-timeout = 30 s, connect-timeout = 20 s }\n"
        + "cairn.requests { retry-assign = 50 ms, check-interval = 1 s, adopt-timeout = 1 s,"
        + " ask-timeout = 5 s, min-restart-backoff = 50 ms, max-restart-backoff = 1 s }\n"
        + "cairn.commit.repeat-after = 1 s\n";
  }

  private static void until(BooleanSupplier condition, String what) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  private static RequestView found(CairnNode node, String id) throws Exception {
    return answered(() -> node.requests().find(id).thenApply(Optional::orElseThrow), "find " + id);
  }

  /** A request that was submitted; one that a slow journal did not take in time comes again. */
  private static RequestView submitted(CairnNode node, RequestSpec spec) throws Exception {
    return answered(() -> node.requests().submit(spec), "submit " + spec.id());
  }

  private static RequestView answered(Supplier<CompletionStage<RequestView>> ask, String what)
      throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return get(ask.get());
      } catch (ExecutionException e) {
        assertThat(e.getCause()).isInstanceOf(RejectedException.class);
        assertThat(System.nanoTime()).as("time to " + what).isLessThan(deadline);
      }
    }
  }

  /** What was shown is what comes out in the end, from its beginning. */
  private void assertShown(int[] shown, RequestSpec spec) {
    int[] whole = alone(spec);
    assertThat(shown.length).isLessThanOrEqualTo(whole.length);
    for (int i = 0; i < shown.length; i++) {
      assertThat(shown[i]).as("replay with -Dcairn.seed=" + seed).isEqualTo(whole[i]);
    }
  }

  private static boolean refusesForTheJournal(CairnNode node) {
    return node.readiness().reasons().containsKey("journal");
  }

  @ParameterizedTest(name = "answers lost before the cut: {0}")
  @ValueSource(booleans = {false, true})
  @DisplayName("L4 L9 an outage loses nothing, shows nothing uncommitted, and ends by itself")
  void anOutage(boolean answersLost) throws Exception {
    Random random = new Random(seed);
    try (UnreliableLink link = new UnreliableLink(LocalPostgres.shared().port())) {
      String url = database.replaceFirst(":\\d+/", ":" + link.port() + "/");
      try (CairnNode node = nodes.start(cluster(url), true)) {
        SimulatedDevice device = nodes.devices.poll(60, TimeUnit.SECONDS);
        List<RequestSpec> specs = new ArrayList<>();
        List<RequestView> views = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          specs.add(spec("o" + i, random));
          views.add(submitted(node, specs.get(i)));
        }
        device.allow(8);
        until(
            () -> views.stream().anyMatch(view -> view.snapshot().tokens().size() > 0),
            "a first token");
        if (answersLost) {
          link.loseAnswers();
          device.allow(6);
        }
        link.cut();
        device.allow(6);
        until(() -> refusesForTheJournal(node), "the readiness to say why");
        assertThat(node.readiness().reasons().get("journal"))
            .contains("PostgreSQL at 127.0.0.1:" + link.port())
            .contains("does not answer");
        assertThatThrownBy(() -> get(node.requests().submit(spec("new", random))))
            .cause()
            .isInstanceOfSatisfying(
                RejectedException.class,
                e -> {
                  assertThat(e.kind()).isEqualTo(RejectedException.Kind.UNAVAILABLE);
                  assertThat(e).hasMessageContaining("does not answer");
                });
        List<int[]> shown = new ArrayList<>();
        for (RequestView view : views) {
          shown.add(view.snapshot().tokens().toArray());
        }
        link.mend();
        device.allow(1_000_000);
        until(() -> !refusesForTheJournal(node), "the journal to answer again");
        for (int i = 0; i < specs.size(); i++) {
          assertShown(shown.get(i), specs.get(i));
          String id = specs.get(i).id();
          RequestView view = found(node, id);
          until(() -> view.snapshot().finish().isPresent(), "the end of " + id);
          assertThat(view.snapshot().tokens().toArray())
              .as("replay with -Dcairn.seed=" + seed)
              .isEqualTo(alone(specs.get(i)));
        }
        until(() -> node.leaks().held().get("admissions") == 0, "no place to be held");
      }
    }
    try (JournalReader reader =
        JournalReader.open(NodeConfig.load(ConfigFactory.parseString(cluster(database))))) {
      assertThat(reader.verify(10).problems()).isEmpty();
    }
  }

  @Test
  @DisplayName(
      "L9 L10 two owners of one request that know nothing of each other commit one sequence")
  void twoOwners() throws Exception {
    Random random = new Random(seed);
    try (CairnNode one = nodes.start(cluster(database), true);
        CairnNode other = nodes.start(cluster(database), true)) {
      SimulatedDevice first = nodes.devices.poll(60, TimeUnit.SECONDS);
      SimulatedDevice second = nodes.devices.poll(60, TimeUnit.SECONDS);
      List<RequestSpec> specs = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        specs.add(
            RequestSpec.of("both-" + i, "m", "print", new int[] {3, 1, 4, 1, 5 + i})
                .submittedAtMillis(1)
                .maxTokens(40)
                .seed(random.nextLong())
                .ignoreEos(true)
                .build());
        submitted(one, specs.get(i));
      }
      int[][] shown = new int[2][specs.size()];
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      boolean ended = false;
      while (!ended) {
        assertThat(System.nanoTime()).as("time to all ends").isLessThan(deadline);
        first.allow(1 + random.nextInt(2));
        second.allow(1 + random.nextInt(2));
        ended = true;
        for (int i = 0; i < specs.size(); i++) {
          ended &= follow(one, specs.get(i), shown[0], i);
          ended &= follow(other, specs.get(i), shown[1], i);
        }
      }
      for (RequestSpec spec : specs) {
        for (CairnNode node : List.of(one, other)) {
          assertThat(found(node, spec.id()).snapshot().tokens().toArray()).isEqualTo(alone(spec));
        }
      }
      assertThat(conflicts(one) + conflicts(other)).as("they met").isPositive();
    }
    try (JournalReader reader =
        JournalReader.open(NodeConfig.load(ConfigFactory.parseString(cluster(database))))) {
      assertThat(reader.verify(10).problems()).as("one sequence").isEmpty();
      assertThat(reader.summary("both-0").orElseThrow().tokens()).isEqualTo(40);
    }
  }

  /** Looks at a request; returns whether it has ended. */
  private boolean follow(CairnNode node, RequestSpec spec, int[] shown, int place)
      throws Exception {
    RequestView view = found(node, spec.id());
    int[] now = view.snapshot().tokens().toArray();
    assertThat(now.length).as("never taken back").isGreaterThanOrEqualTo(shown[place]);
    assertShown(now, spec);
    shown[place] = now.length;
    return view.snapshot().finish().isPresent();
  }

  private static long conflicts(CairnNode node) {
    return node.journal().orElseThrow().stats().failedWrites();
  }
}
