package dev.cairn.cluster;

import static dev.cairn.cluster.SimulatedNodes.alone;
import static dev.cairn.cluster.SimulatedNodes.get;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.actors.RequestView;
import dev.cairn.actors.Telemetry;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.postgres.LocalPostgres;
import dev.cairn.scheduling.SimulatedDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What it costs two gateways that 64 requests of one have their readers on the other. */
class RelayCostTest {
  private static final int REQUESTS = 64;
  private static final int TOKENS = 100;

  /** Counts what a node sends to others for readers. */
  private static final class Sent implements Telemetry {
    final AtomicLong messages = new AtomicLong();
    final AtomicLong updates = new AtomicLong();
    final AtomicLong bytes = new AtomicLong();

    @Override
    public void relayed(int updatesInIt, int bytesOfIt) {
      messages.incrementAndGet();
      updates.addAndGet(updatesInIt);
      bytes.addAndGet(bytesOfIt);
    }
  }

  private static int shown(List<RequestView> views) {
    return views.stream().mapToInt(view -> view.snapshot().tokens().size()).sum();
  }

  @Test
  @Timeout(300)
  @DisplayName("a step of 64 requests costs a pair of gateways a few messages, not 64")
  void aStepCostsFewMessages() throws Exception {
    int port = SimulatedNodes.freePort();
    String cluster =
        "cairn.profile = cluster\n"
            + "cairn.postgres { url = \""
            + LocalPostgres.shared().createDatabase()
            + "\", user = postgres }\n"
            + "cairn.cluster { transport = tcp, seeds = [\"127.0.0.1:"
            + port
            + "\"] }\n"
            + SimulatedNodes.NOBODY_DIES
            + "cairn.placement { probe-timeout = 60 s }\n"
            + "cairn.requests.check-interval = 60 s\n"
            + "cairn.device { max-slots = 64, max-batch-tokens = 64, kv-memory = 1 MiB }\n"
            + "cairn.commit.max-hand-overs = 64\n";
    SimulatedNodes nodes = new SimulatedNodes();
    Sent owned = new Sent();
    Sent read = new Sent();
    try (CairnNode device =
            nodes.start(cluster + "cairn.node { roles = [device], port = " + port + " }", true);
        CairnNode owner = nodes.start(cluster + "cairn.node.roles = [gateway]", false, owned);
        CairnNode reader = nodes.start(cluster + "cairn.node.roles = [gateway]", false, read)) {
      assertThat(device.deviceInfo()).isPresent();
      assertThat(owner.journal()).isPresent();
      SimulatedDevice steps = nodes.devices.take();
      List<RequestView> views = new ArrayList<>();
      for (int i = 0; views.size() < REQUESTS; i++) {
        RequestSpec spec =
            RequestSpec.of("01JDP0000000000000000" + (10_000 + i), "m", "print", 1, 2, 3)
                .maxTokens(TOKENS)
                .seed(i)
                .ignoreEos(true)
                .build();
        RequestView view = get(reader.requests().submit(spec));
        view.subscribe(() -> {});
        boolean elsewhere = reader.leaks().held().get("followed") > views.size();
        if (elsewhere) {
          views.add(view);
        } else {
          get(reader.requests().cancel(spec.id()));
        }
      }
      // Prompts, and first tokens; a step for requests that were cancelled shows nothing.
      while (views.stream().anyMatch(view -> view.snapshot().tokens().size() < 2)) {
        int seen = shown(views);
        long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
        steps.allow(1);
        while (shown(views) == seen && System.nanoTime() < patience) {
          Thread.onSpinWait();
        }
      }
      long messages = owned.messages.get() + read.messages.get();
      long batches = owned.messages.get();
      long bytes = owned.bytes.get() + read.bytes.get();
      long updates = owned.updates.get();
      int before = shown(views);
      long start = System.nanoTime();
      int stepsTaken = 0;
      while (views.stream().anyMatch(view -> view.snapshot().finish().isEmpty())) {
        long running = views.stream().filter(view -> view.snapshot().finish().isEmpty()).count();
        long wanted = shown(views) + running;
        long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
        steps.allow(1);
        stepsTaken++;
        while (shown(views) < wanted && System.nanoTime() < patience) {
          Thread.onSpinWait();
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      int tokens = REQUESTS * TOKENS - before;
      messages = owned.messages.get() + read.messages.get() - messages;
      batches = owned.messages.get() - batches;
      bytes = owned.bytes.get() + read.bytes.get() - bytes;
      updates = owned.updates.get() - updates;
      System.out.printf(
          Locale.ROOT,
          "relay: %d requests, %d steps, %d tokens in %.2f s; %d batches with %d updates, %d messages"
              + " in all, %d bytes; %.2f batches a step, %.1f updates a batch, %.1f bytes a token,"
              + " %.0f messages/s%n",
          REQUESTS,
          stepsTaken,
          tokens,
          seconds,
          batches,
          updates,
          messages,
          bytes,
          (double) batches / stepsTaken,
          (double) updates / batches,
          (double) bytes / tokens,
          messages / seconds);
      for (RequestView view : views) {
        assertThat(view.snapshot().tokens().toArray()).isEqualTo(alone(view.spec()));
      }
      assertThat((double) batches / stepsTaken).isLessThan(REQUESTS / 2.0);
    }
  }
}
