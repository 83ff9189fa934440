package dev.cairn.persistence.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.Props;
import org.apache.pekko.persistence.AbstractPersistentActor;

/**
 * Measures the journal with persistent actors in a closed loop: each commits one token, waits for
 * the acknowledgement and commits the next.
 */
public final class JournalBenchmark {
  private static final int SAMPLES = 1 << 14;

  private JournalBenchmark() {}

  /**
   * One measurement.
   *
   * @param entities actors at work
   * @param commitsPerSecond events acknowledged a second
   * @param syncsPerSecond batches written a second
   * @param p50Millis median time from persist to acknowledgement
   * @param p99Millis 99th percentile of the same
   */
  public record Result(
      int entities,
      Durability durability,
      double seconds,
      double commitsPerSecond,
      double syncsPerSecond,
      double p50Millis,
      double p99Millis) {
    /** One line of JSON. */
    public String toJson() {
      return String.format(
          Locale.ROOT,
          "{\"bench\":\"journal\",\"entities\":%d,\"durability\":\"%s\",\"seconds\":%.2f,"
              + "\"commits_per_second\":%.0f,\"syncs_per_second\":%.0f,"
              + "\"p50_ms\":%.3f,\"p99_ms\":%.3f}",
          entities,
          durability.name().toLowerCase(Locale.ROOT),
          seconds,
          commitsPerSecond,
          syncsPerSecond,
          p50Millis,
          p99Millis);
    }
  }

  /**
   * Runs one measurement; a quarter of the time before it warms up.
   *
   * @param directory a data directory that nobody uses
   */
  public static Result run(Path directory, Durability durability, int entities, Duration time)
      throws InterruptedException {
    Config config =
        ConfigFactory.parseMap(
                Map.of(
                    "cairn.journal.directory", directory.toString(),
                    "cairn.journal.durability", durability.name().toLowerCase(Locale.ROOT),
                    "pekko.persistence.max-concurrent-recoveries", entities))
            .withFallback(ConfigFactory.load());
    ActorSystem system = ActorSystem.create("journal-benchmark", config);
    try {
      Run run = new Run(entities);
      for (int n = 0; n < entities; n++) {
        system.actorOf(Props.create(Writer.class, () -> new Writer(run)));
      }
      TimeUnit.NANOSECONDS.sleep(time.toNanos() / 4);
      JournalAccess journal = JournalExtension.get(system);
      JournalStats before = journal.stats();
      long begun = System.nanoTime();
      run.phase = Phase.MEASURE;
      TimeUnit.NANOSECONDS.sleep(time.toNanos());
      run.phase = Phase.STOP;
      JournalStats after = journal.stats();
      double seconds = (System.nanoTime() - begun) / 1e9;
      if (!run.stopped.await(60, TimeUnit.SECONDS)) {
        throw new IllegalStateException(
            run.stopped.getCount() + " of " + entities + " actors did not stop within 60 s.");
      }
      long[] nanos = run.samples();
      return new Result(
          entities,
          durability,
          seconds,
          (after.events() - before.events()) / seconds,
          (after.commits() - before.commits()) / seconds,
          percentile(nanos, 0.50) / 1e6,
          percentile(nanos, 0.99) / 1e6);
    } finally {
      system.terminate();
      system.getWhenTerminated().toCompletableFuture().join();
    }
  }

  /** Arguments: data directory, durability, seconds a measurement, numbers of entities. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    if (arguments.length < 4) {
      throw new IllegalArgumentException(
          "Expected a data directory, fsync, os or none, seconds, and numbers of entities; found "
              + List.of(arguments)
              + ".");
    }
    Durability durability = Durability.of(arguments[1]);
    Duration time = Duration.ofSeconds(Long.parseLong(arguments[2]));
    for (String entities : List.of(arguments).subList(3, arguments.length)) {
      int count = Integer.parseInt(entities);
      System.out.println(run(Path.of(arguments[0]), durability, count, time).toJson());
    }
  }

  private static double percentile(long[] sorted, double share) {
    return sorted.length == 0 ? 0 : sorted[(int) (share * (sorted.length - 1))];
  }

  private enum Phase {
    WARM,
    MEASURE,
    STOP
  }

  /** What the actors of one run share. */
  private static final class Run {
    final CountDownLatch stopped;
    final long[][] nanos;
    final int[] counts;
    final AtomicInteger next = new AtomicInteger();
    volatile Phase phase = Phase.WARM;

    Run(int entities) {
      stopped = new CountDownLatch(entities);
      nanos = new long[entities][];
      counts = new int[entities];
    }

    long[] samples() {
      return IntStream.range(0, nanos.length)
          .boxed()
          .flatMapToLong(n -> Arrays.stream(nanos[n], 0, counts[n]))
          .sorted()
          .toArray();
    }
  }

  private static final class Writer extends AbstractPersistentActor {
    private final Run run;
    private final int place;
    private final String id;
    private final long[] nanos = new long[SAMPLES];
    private int count;
    private int index;

    Writer(Run run) {
      this.run = run;
      this.place = run.next.getAndIncrement();
      this.id = "benchmark-" + System.nanoTime() + "-" + place;
    }

    @Override
    public String persistenceId() {
      return id;
    }

    @Override
    public void preStart() {
      self().tell("next", self());
    }

    @Override
    public Receive createReceiveRecover() {
      return receiveBuilder().build();
    }

    @Override
    public Receive createReceive() {
      return receiveBuilder().matchEquals("next", next -> commit()).build();
    }

    private void commit() {
      long begun = System.nanoTime();
      TokensCommitted event =
          new TokensCommitted(id, 1, index++, new int[] {index & 0x7fff}, List.of(), List.of());
      persist(event, committed -> committed(begun));
    }

    private void committed(long begun) {
      if (run.phase == Phase.MEASURE && count < SAMPLES) {
        nanos[count++] = System.nanoTime() - begun;
      }
      if (run.phase == Phase.STOP) {
        run.nanos[place] = nanos;
        run.counts[place] = count;
        run.stopped.countDown();
        context().stop(self());
      } else {
        self().tell("next", self());
      }
    }
  }
}
