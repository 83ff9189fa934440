package dev.cairn.persistence.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.RequestEvent.TokensCommitted;
import dev.cairn.persistence.journal.postgres.PostgresJournal;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
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
   * @param writers actors at work
   * @param durability of RocksDB, or {@code postgresql}
   * @param delay added to each sync
   * @param seconds that it took
   * @param eventsPerSecond events acknowledged a second
   * @param batchesPerSecond batches written a second
   * @param p50Millis median time from persist to acknowledgement
   * @param p99Millis 99th percentile of the same
   */
  public record Result(
      int writers,
      String durability,
      Duration delay,
      double seconds,
      double eventsPerSecond,
      double batchesPerSecond,
      double p50Millis,
      double p99Millis) {
    /** One line of JSON. */
    public String toJson() {
      return String.format(
          Locale.ROOT,
          "{\"bench\":\"journal\",\"durability\":\"%s\",\"writers\":%d,\"delay_ms\":%d,"
              + "\"seconds\":%.2f,\"events_per_second\":%.0f,\"batches_per_second\":%.0f,"
              + "\"p50_ms\":%.3f,\"p99_ms\":%.3f}",
          durability,
          writers,
          delay.toMillis(),
          seconds,
          eventsPerSecond,
          batchesPerSecond,
          p50Millis,
          p99Millis);
    }
  }

  /**
   * Runs one measurement; a quarter of the time before it warms up.
   *
   * @param directory a data directory that nobody uses
   * @param entities actors at work
   * @param delay added to each write of a batch, as by a slower disk
   */
  public static Result run(
      Path directory, Durability durability, int entities, Duration time, Duration delay)
      throws InterruptedException {
    String name = durability.name().toLowerCase(Locale.ROOT);
    Map<String, Object> settings =
        Map.of(
            "cairn.journal.directory",
            directory.toString(),
            "cairn.journal.durability",
            name,
            "cairn.journal.min-free-bytes",
            0,
            // The order of reference.conf files on a class path decides nothing here.
            "pekko.persistence.journal.plugin",
            JournalSettings.PATH,
            "pekko.persistence.snapshot-store.plugin",
            "pekko.persistence.no-snapshot-store");
    ActorSystem system = start(settings, ConfigFactory.load(), entities);
    try {
      slowDown(JournalExtension.open(system), delay);
      return measure(system, new Run(entities), name, time, delay);
    } finally {
      stop(system);
    }
  }

  /**
   * The same with a journal in PostgreSQL. What it writes is deleted behind it.
   *
   * @param config names the journal
   */
  public static Result run(Config config, int entities, Duration time)
      throws InterruptedException, IOException {
    ActorSystem system = start(Map.of(), config, entities);
    try {
      Run run = new Run(entities);
      PostgresJournal journal = PostgresJournal.get(system);
      try {
        return measure(system, run, "postgresql", time, Duration.ZERO);
      } finally {
        journal.delete(run.prefix);
      }
    } finally {
      stop(system);
    }
  }

  private static ActorSystem start(Map<String, Object> settings, Config config, int entities) {
    Map<String, Object> all = new HashMap<>(settings);
    all.put("pekko.actor.provider", "local");
    all.put("pekko.loglevel", "WARNING");
    all.put("pekko.persistence.max-concurrent-recoveries", entities);
    return ActorSystem.create(
        "journal-benchmark", ConfigFactory.parseMap(all).withFallback(config));
  }

  private static void stop(ActorSystem system) {
    system.terminate();
    system.getWhenTerminated().toCompletableFuture().join();
  }

  private static Result measure(
      ActorSystem system, Run run, String durability, Duration time, Duration delay)
      throws InterruptedException {
    int entities = run.counts.length;
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
        delay,
        seconds,
        (after.events() - before.events()) / seconds,
        (after.commits() - before.commits()) / seconds,
        percentile(nanos, 0.50) / 1e6,
        percentile(nanos, 0.99) / 1e6);
  }

  private static void slowDown(OpenJournal journal, Duration delay) {
    if (!delay.isZero()) {
      BatchWrite write = journal.databaseWrite();
      journal.replaceWrite(
          batch -> {
            write.write(batch);
            LockSupport.parkNanos(delay.toNanos());
          });
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
    final String prefix = "benchmark-" + UUID.randomUUID() + "-";
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
      this.id = run.prefix + place;
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
