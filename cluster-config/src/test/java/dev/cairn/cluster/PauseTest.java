package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.actors.PauseActor;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.Requests;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import dev.cairn.scheduling.SimulatedDevice;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pauses of tenants and of devices: durable, at once, and without a trace in the output. */
class PauseTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  /** At the pace of {@link #stepUntil} these take 8 s: a pause comes long before the last one. */
  private static final int TOKENS = 400;

  private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  @TempDir private Path directory;
  private final SimulatedNodes nodes = new SimulatedNodes();
  private final List<CairnNode> running = new ArrayList<>();
  private long lastAllowed = System.nanoTime();

  @AfterEach
  void stop() {
    for (int i = running.size() - 1; i >= 0; i--) {
      running.get(i).close();
    }
  }

  private CairnNode start(String text) {
    CairnNode node = nodes.start("cairn.journal.directory = \"" + directory + "\"\n" + text, true);
    running.add(node);
    return node;
  }

  private SimulatedDevice device() {
    return nodes.devices.element();
  }

  private static RequestSpec spec(String id, String tenant) {
    return SimulatedNodes.spec(id, new Random(id.hashCode())).toBuilder()
        .maxTokens(TOKENS)
        .scheduling(Scheduling.DEFAULT.withTenant(tenant))
        .build();
  }

  /** Lets a slow device step until something holds: what it is told comes long before its end. */
  private void stepUntil(BooleanSupplier holds) {
    until(
        () -> {
          if (System.nanoTime() - lastAllowed > STEP_NANOS) {
            lastAllowed = System.nanoTime();
            device().allow(1);
          }
          return holds.getAsBoolean();
        });
  }

  /** Lets the device step as it likes until a request has ended. */
  private void untilFinished(RequestView... views) {
    device().allow(1_000_000);
    until(() -> Arrays.stream(views).allMatch(view -> view.snapshot().finish().isPresent()));
  }

  private static void until(BooleanSupplier holds) {
    long deadline = System.nanoTime() + LONG.toNanos();
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as("time").isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }

  private PauseActor.State done(CompletionStage<PauseActor.State> asked) throws Exception {
    stepUntil(() -> asked.toCompletableFuture().isDone());
    return get(asked);
  }

  private static int tokens(RequestView view) {
    return view.snapshot().tokens().size();
  }

  private static String why(Requests requests, String id) throws Exception {
    return get(requests.whyWaiting(id)).map(Requests.Waiting::code).orElse("");
  }

  @Test
  @DisplayName(
      "L1 a paused tenant gets no token from its acknowledgement on, over a restart too, while"
          + " others go on; resumed it has the same tokens as undisturbed")
  void tenants() throws Exception {
    CairnNode node = start("");
    RequestView paused = get(node.requests().submit(spec("paused", "a")));
    RequestView other = get(node.requests().submit(spec("other", "b")));
    stepUntil(() -> tokens(paused) > 2 && tokens(other) > 2);
    PauseActor.State state = done(node.admin().pauseTenant("a", true, LONG));
    assertThat(state.unconfirmed()).isEmpty();
    assertThat(state.pauses().tenants()).containsExactly("a");
    until(() -> codeOf(node, "paused").equals("tenant_paused"));
    int then = tokens(paused);
    assertThat(then).isLessThan(TOKENS);
    untilFinished(other);
    assertThat(tokens(paused)).isEqualTo(then);
    assertThat(other.snapshot().tokens().toArray()).isEqualTo(alone(other.spec()));

    running.remove(node);
    node.close();
    nodes.devices.clear();
    CairnNode again = start("");
    RequestView still = get(again.requests().find("paused")).orElseThrow();
    RequestView late = get(again.requests().submit(spec("late", "a")));
    RequestView another = get(again.requests().submit(spec("another", "b")));
    untilFinished(another);
    assertThat(tokens(still)).isEqualTo(then);
    assertThat(tokens(late)).isZero();
    assertThat(why(again.requests(), "late")).isEqualTo("tenant_paused");
    assertThat(get(again.admin().pauses(LONG)).pauses().tenants()).containsExactly("a");
    assertThat(done(again.admin().pauseTenant("a", false, LONG)).pauses().tenants()).isEmpty();
    untilFinished(still, late);
    for (RequestView view : List.of(still, late, another)) {
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
    }
    until(() -> again.leaks().held().values().stream().allMatch(n -> n == 0));
  }

  private static String codeOf(CairnNode node, String id) {
    try {
      return why(node.requests(), id);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  @DisplayName("L1 a paused device runs no step until it is resumed, over a restart too")
  void devices() throws Exception {
    CairnNode node = start("");
    RequestView first = get(node.requests().submit(spec("first", "")));
    stepUntil(() -> tokens(first) > 2);
    String name = first.snapshot().attempts().get(0).device();
    assertThat(done(node.admin().pauseDevice(name, true, LONG)).pauses().devices())
        .containsExactly(name);
    int then = tokens(first);
    device().allow(1000);
    RequestView second = get(node.requests().submit(spec("second", "")));
    until(() -> codeOf(node, "second").equals("device_paused"));
    assertThat(tokens(first)).isEqualTo(then).isLessThan(TOKENS);

    running.remove(node);
    node.close();
    nodes.devices.clear();
    CairnNode again = start("");
    RequestView still = get(again.requests().find("first")).orElseThrow();
    RequestView third = get(again.requests().submit(spec("third", "")));
    device().allow(1000);
    until(() -> codeOf(again, "third").equals("device_paused"));
    assertThat(tokens(still)).isEqualTo(then);
    assertThat(tokens(third)).isZero();
    assertThat(get(again.admin().pauseDevice(name, false, LONG)).unconfirmed()).isEmpty();
    RequestView back = get(again.requests().find(second.spec().id())).orElseThrow();
    for (RequestView view : List.of(still, back, third)) {
      until(() -> view.snapshot().finish().isPresent());
      assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
    }
  }

  @Test
  @DisplayName("cairn.pauses bounds what is paused, and the wait for a device that does not let go")
  void bounds() throws Exception {
    CairnNode node = start("cairn.pauses { max-paused = 1, confirm-timeout = 200 ms }");
    get(node.requests().submit(spec("stuck", "a")));
    until(() -> node.scheduling().stepsInFlight() > 0);
    PauseActor.State state = get(node.admin().pauseTenant("a", true, LONG));
    assertThat(state.unconfirmed()).singleElement().asString().contains("scheduler");
    assertThat(get(node.admin().pauseTenant("b", true, LONG)).taken()).isFalse();
    stepUntil(
        () -> {
          try {
            return get(node.admin().pauses(LONG)).unconfirmed().isEmpty();
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
  }

  @Test
  @DisplayName("a device of another node hears of a pause, also when it comes after it")
  void otherNodes() throws Exception {
    int port = SimulatedNodes.freePort();
    String cluster =
        "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }, cairn.placement.probe-interval = 50 ms, cairn.requests.retry-assign = 50 ms\n";
    CairnNode gateway = start(cluster + "cairn.node { roles = [gateway], port = " + port + " }");
    get(gateway.admin().pauseTenant("a", true, LONG));
    CairnNode device = start(cluster + "cairn.node.roles = [device]");
    RequestView paused = get(gateway.requests().submit(spec("paused", "a")));
    RequestView other = get(gateway.requests().submit(spec("other", "b")));
    untilFinished(other);
    assertThat(tokens(paused)).isZero();
    // Any node is asked.
    assertThat(done(device.admin().pauseTenant("a", false, LONG)).unconfirmed()).isEmpty();
    untilFinished(paused);
    assertThat(paused.snapshot().tokens().toArray()).isEqualTo(alone(paused.spec()));
  }
}
