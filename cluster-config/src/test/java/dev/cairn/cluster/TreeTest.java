package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.actors.RejectedException;
import dev.cairn.actors.RequestView;
import dev.cairn.actors.Requests;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests that are part of others, those that wait, and those that come to nothing. */
class TreeTest {
  @TempDir private Path directory;
  private final SimulatedNodes nodes = new SimulatedNodes();
  private final SlowingSteps slowing = new SlowingSteps();
  private Optional<CairnNode> node = Optional.empty();

  @AfterEach
  void stop() {
    node.ifPresent(CairnNode::close);
  }

  private Requests start(String text, boolean paused) {
    node =
        Optional.of(
            nodes.start(
                "cairn.journal.directory = \"" + directory.toString() + "\"\n" + text, paused));
    return node.get().requests();
  }

  private static RequestSpec spec(String id, Scheduling scheduling) {
    return SimulatedNodes.spec(id, new Random(id.hashCode())).toBuilder()
        .maxTokens(120)
        .scheduling(scheduling)
        .build();
  }

  private static Scheduling below(String parent, boolean keep) {
    return Scheduling.DEFAULT.withParent(parent, keep);
  }

  @Test
  @DisplayName(
      "cancelling a request ends all that is part of it, but for what asked to stay, before it is"
          + " answered")
  void cancellingReachesTheSubtree() throws Exception {
    Requests requests = start("", true);
    RequestView root = get(requests.submit(spec("root", Scheduling.DEFAULT)));
    RequestView child = get(requests.submit(spec("child", below("root", false))));
    RequestView grandchild = get(requests.submit(spec("grandchild", below("child", false))));
    RequestView kept = get(requests.submit(spec("kept", below("root", true))));
    RequestView other = get(requests.submit(spec("other", Scheduling.DEFAULT)));
    assertThat(child.spec().scheduling().depth()).isOne();
    assertThat(grandchild.spec().scheduling().depth()).isEqualTo(2);
    assertThat(grandchild.spec().scheduling().rootSubmittedAtMillis())
        .isEqualTo(root.spec().submittedAtMillis());
    CompletionStage<?> cancelled = requests.cancel("root");
    until(
        () -> {
          allowSlowly();
          return cancelled.toCompletableFuture().isDone();
        });
    get(cancelled);
    assertThat(root.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
    for (RequestView view : new RequestView[] {child, grandchild}) {
      assertThat(view.snapshot().finish().orElseThrow().reason())
          .as(view.spec().id())
          .isEqualTo(FinishReason.CANCELLED);
    }
    nodes.devices.element().allow(1_000_000);
    until(() -> kept.snapshot().finish().isPresent() && other.snapshot().finish().isPresent());
    assertThat(kept.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
    assertThat(other.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
    until(() -> node.orElseThrow().leaks().held().values().stream().allMatch(n -> n == 0));
  }

  @Test
  @DisplayName(
      "after a restart cancelling a request ends all that is part of it, through one that had ended"
          + " and was forgotten")
  void cancellingReachesTheSubtreeAfterARestart() throws Exception {
    Requests requests = start("", true);
    get(requests.submit(spec("root", Scheduling.DEFAULT)));
    RequestSpec brief = spec("child", below("root", false)).toBuilder().maxTokens(1).build();
    RequestView child = get(requests.submit(brief));
    get(requests.submit(spec("paused", below("root", false))));
    get(requests.submit(spec("grandchild", below("child", false))));
    get(requests.submit(spec("kept", below("child", true))));
    until(
        () -> {
          allowSlowly();
          return child.snapshot().finish().isPresent();
        });
    CompletionStage<?> pause = requests.pause("paused");
    until(
        () -> {
          allowSlowly();
          return pause.toCompletableFuture().isDone();
        });
    node.orElseThrow().close();
    nodes.devices.remove();

    Requests again = start("", true);
    RequestView kept = get(again.find("kept")).orElseThrow();
    RequestView grandchild = get(again.find("grandchild")).orElseThrow();
    RequestView paused = get(again.find("paused")).orElseThrow();
    assertThat(grandchild.snapshot().finish()).isEmpty();
    CompletionStage<Optional<RequestView>> cancelled = again.cancel("root");
    until(
        () -> {
          allowSlowly();
          return cancelled.toCompletableFuture().isDone();
        });
    until(
        () -> {
          allowSlowly();
          return grandchild.snapshot().finish().isPresent()
              && paused.snapshot().finish().isPresent();
        });
    assertThat(grandchild.snapshot().finish().orElseThrow().reason())
        .isEqualTo(FinishReason.CANCELLED);
    assertThat(paused.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.CANCELLED);
    nodes.devices.element().allow(1_000_000);
    until(() -> kept.snapshot().finish().isPresent());
    assertThat(kept.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.LENGTH);
    until(() -> node.orElseThrow().leaks().held().values().stream().allMatch(n -> n == 0));
  }

  private void allowSlowly() {
    slowing.allow(nodes.devices.element());
  }

  @Test
  @DisplayName(
      "S7 a parent that nobody knows, or that is another tenant's, leaves a request a root")
  void unknownParentsLeaveRoots() throws Exception {
    Requests requests = start("", false);
    RequestView orphan = get(requests.submit(spec("orphan", below("absent", false))));
    assertThat(orphan.spec().scheduling().depth()).isZero();
    get(requests.submit(spec("root", Scheduling.DEFAULT.withTenant("a"))));
    RequestView stranger =
        get(requests.submit(spec("stranger", below("root", false).withTenant("b"))));
    assertThat(stranger.spec().scheduling().depth()).isZero();
    until(() -> stranger.snapshot().finish().isPresent());
  }

  @Test
  @DisplayName(
      "H16 L13 a request that gets no token for no_progress_timeout_ms ends with timeout and says"
          + " so")
  void requestsWithoutProgressEnd() throws Exception {
    Requests requests = start("", true);
    RequestView stuck = get(requests.submit(spec("stuck", Scheduling.DEFAULT.withNoProgress(300))));
    get(requests.submit(spec("patient", Scheduling.DEFAULT)));
    // The step that holds it has to end before the device lets go of it.
    until(() -> allowOne() && stuck.snapshot().finish().isPresent());
    assertThat(stuck.snapshot().finish().orElseThrow().reason()).isEqualTo(FinishReason.TIMEOUT);
    assertThat(stuck.snapshot().finish().orElseThrow().detail())
        .isEqualTo("no token came for 300 ms");
  }

  private long lastAllowed = System.nanoTime();

  /** A device that takes a second for a step. */
  private boolean allowOne() {
    if (System.nanoTime() - lastAllowed > 1_000_000_000L) {
      lastAllowed = System.nanoTime();
      nodes.devices.element().allow(1);
    }
    return true;
  }

  @Test
  @DisplayName("a request that waits says why: its device is full, or it is paused")
  void waitingRequestsSayWhy() throws Exception {
    Requests requests = start("cairn.scheduling.max-running = 1", true);
    get(requests.submit(spec("runs", Scheduling.DEFAULT)));
    get(requests.submit(spec("waits", Scheduling.DEFAULT)));
    until(() -> code(requests, "waits").equals("device_full"));
    assertThat(code(requests, "runs")).isEmpty();
    get(requests.pause("waits"));
    assertThat(code(requests, "waits")).isEqualTo("paused");
    assertThat(code(requests, "absent")).isEmpty();
    nodes.devices.element().allow(1_000_000);
  }

  @Test
  @DisplayName(
      "a tenant has no more requests without a token than it may; one that has begun makes room,"
          + " also over a restart")
  void tenantsQueuesAreBounded() throws Exception {
    String limits = "cairn.tenants.a { max-queued = 2, max-running = 1 }";
    Scheduling ofA = Scheduling.DEFAULT.withTenant("a");
    Requests requests = start(limits, true);
    get(requests.submit(spec("a0", ofA)));
    get(requests.submit(spec("a1", ofA)));
    assertThatThrownBy(() -> get(requests.submit(spec("a2", ofA))))
        .hasMessageContaining("tenant 'a' has 2 requests that wait for their first token")
        .extracting(e -> e.getCause() instanceof RejectedException r ? r.kind() : e)
        .isEqualTo(RejectedException.Kind.TENANT_QUEUE_FULL);
    // The same request again is no new one, and other tenants are not meant.
    get(requests.submit(spec("a1", ofA)));
    get(requests.submit(spec("b", Scheduling.DEFAULT.withTenant("b"))));
    until(() -> code(requests, "a1").equals("tenant_limit"));
    node.orElseThrow().close();
    nodes.devices.remove();
    Requests again = start(limits, true);
    assertThatThrownBy(() -> get(again.submit(spec("a2", ofA))))
        .hasMessageContaining("tenant 'a' has 2 requests");
    nodes.devices.element().allow(1_000_000);
    until(() -> accepted(again, spec("a2", ofA)));
    until(() -> node.orElseThrow().leaks().held().values().stream().allMatch(n -> n == 0));
  }

  private static boolean accepted(Requests requests, RequestSpec spec) {
    try {
      get(requests.submit(spec));
      return true;
    } catch (Exception e) {
      return false;
    }
  }

  private static String code(Requests requests, String id) {
    try {
      return get(requests.whyWaiting(id)).map(Requests.Waiting::code).orElse("");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static void until(BooleanSupplier holds) {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).as("time").isLessThan(deadline);
      LockSupport.parkNanos(2_000_000);
    }
  }
}
