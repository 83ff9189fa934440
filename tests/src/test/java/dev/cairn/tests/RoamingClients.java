package dev.cairn.tests;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Clients of a cluster: each follows one stream, and when its connection breaks goes on at any node
 * that answers, as a client behind a load balancer does.
 */
final class RoamingClients implements AutoCloseable {
  /** Bound on how long a stream may take in all, with every failover in it. */
  private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(120);

  private final TestCluster cluster;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<Follower> followers = new ArrayList<>();
  private final AtomicInteger refusals = new AtomicInteger();

  /** One client. */
  private static final class Follower {
    final ClientStream stream;
    final List<Long> eventNanos = Collections.synchronizedList(new ArrayList<>());
    CompletableFuture<Void> running = CompletableFuture.completedFuture(null);
    volatile long endNanos = Long.MAX_VALUE;

    Follower(ClientStream stream) {
      this.stream = stream;
    }
  }

  RoamingClients(TestCluster cluster) {
    this.cluster = cluster;
  }

  /**
   * Begins to follow streams, the i-th at the i-th node.
   *
   * @param seen told of each event
   */
  RoamingClients follow(List<ClientStream> streams, Runnable seen) {
    for (int i = 0; i < streams.size(); i++) {
      Follower follower = new Follower(streams.get(i));
      int first = i % cluster.size();
      follower.running = CompletableFuture.runAsync(() -> roam(follower, first, seen), threads);
      followers.add(follower);
    }
    return this;
  }

  private void roam(Follower follower, int first, Runnable seen) {
    long deadline = System.nanoTime() + MOST_NANOS;
    ServerProcess at = cluster.node(first);
    while (!follower.stream.complete()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(
            "request "
                + follower.stream.requestId()
                + " has not ended after "
                + TimeUnit.NANOSECONDS.toSeconds(MOST_NANOS)
                + " seconds; it has "
                + follower.eventNanos.size()
                + " events");
      }
      int before = follower.stream.refusals();
      follower.stream.follow(
          at.client(),
          () -> {
            follower.eventNanos.add(System.nanoTime());
            seen.run();
          });
      if (follower.stream.refusals() > before) {
        refusals.incrementAndGet();
      }
      if (!follower.stream.complete()) {
        // As a client waits a little before it tries again.
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
        List<ServerProcess> alive = cluster.alive();
        if (!alive.isEmpty()) {
          at = alive.get(ThreadLocalRandom.current().nextInt(alive.size()));
        }
      }
    }
    follower.endNanos = System.nanoTime();
  }

  /** Waits for the end of all streams. */
  void join() {
    followers.forEach(each -> each.running.join());
  }

  /** How often a node answered that it does not take the request now. */
  int refusals() {
    return refusals.get();
  }

  /**
   * For each stream that had begun and not ended at a moment, the time from then to its next event
   * or its end, whichever came first; nanoseconds.
   */
  List<Long> pausesAfter(long momentNanos) {
    List<Long> pauses = new ArrayList<>();
    for (Follower follower : followers) {
      if (follower.endNanos > momentNanos) {
        long next =
            follower.eventNanos.stream()
                .mapToLong(Long::longValue)
                .filter(at -> at > momentNanos)
                .findFirst()
                .orElse(follower.endNanos);
        pauses.add(next - momentNanos);
      }
    }
    return pauses;
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
