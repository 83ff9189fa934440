package dev.cairn.persistence.journal;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.postgres.LocalPostgres;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.DeleteMessagesSuccess;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.persistence.Persistence;
import org.apache.pekko.persistence.PersistentEnvelope;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.testkit.javadsl.TestKit;
import scala.jdk.javaapi.CollectionConverters;

/** An actor system with the journal plugin, spoken to in the plugin's own protocol. */
final class JournalNode implements AutoCloseable {
  static final String WRITER = "6f1c1fa0-8a4b-4ad5-9c2e-1d0c7a0e3b11";

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final ActorSystem system;
  private final ActorRef journal;

  private JournalNode(Config config) {
    system = ActorSystem.create("journal", config);
    journal = Persistence.get(system).journalFor("", ConfigFactory.empty());
  }

  static JournalNode start(Path directory, Map<String, ?> settings) {
    return new JournalNode(config(directory, settings));
  }

  static JournalNode start(Path directory) {
    return start(directory, Map.of());
  }

  /** With a journal in PostgreSQL. */
  static JournalNode start(Config config) {
    return new JournalNode(config);
  }

  static Config postgres(String url, String settings) {
    return ConfigFactory.parseString(settings)
        .withFallback(
            ConfigFactory.parseMap(
                Map.of(
                    "cairn.postgres.url",
                    url,
                    "cairn.postgres.user",
                    LocalPostgres.USER,
                    "pekko.loglevel",
                    "WARNING",
                    "pekko.stdout-loglevel",
                    "OFF")))
        .withFallback(ConfigFactory.parseResources("cairn-postgres.conf"))
        .withFallback(ConfigFactory.defaultReferenceUnresolved())
        .resolve();
  }

  static Config config(Path directory, Map<String, ?> settings) {
    return ConfigFactory.parseMap(settings, "test")
        .withFallback(
            ConfigFactory.parseMap(
                Map.of(
                    "cairn.journal.directory",
                    directory.toString(),
                    "cairn.journal.min-free-bytes",
                    0,
                    "pekko.loglevel",
                    "WARNING",
                    "pekko.stdout-loglevel",
                    "OFF")))
        .withFallback(ConfigFactory.load());
  }

  ActorSystem system() {
    return system;
  }

  OpenJournal journal() {
    return JournalExtension.open(system);
  }

  TestKit probe() {
    return new TestKit(system);
  }

  static PersistentRepr event(String id, long sequenceNr, Object payload) {
    return PersistentRepr.apply(payload, sequenceNr, id, "", false, null, WRITER);
  }

  static AtomicWrite atomic(PersistentRepr... events) {
    return AtomicWrite.apply(CollectionConverters.asScala(Arrays.asList(events)).toSeq());
  }

  void tell(Object message, TestKit probe) {
    journal.tell(message, probe.getRef());
  }

  /** Sends writes in one message, as one actor does. */
  void send(TestKit probe, AtomicWrite... writes) {
    List<PersistentEnvelope> envelopes = new ArrayList<>(Arrays.asList(writes));
    tell(
        new JournalProtocol.WriteMessages(
            CollectionConverters.asScala(envelopes).toSeq(), probe.getRef(), 1),
        probe);
  }

  /** Writes and waits for the acknowledgement of all. */
  void write(AtomicWrite... writes) {
    TestKit probe = probe();
    send(probe, writes);
    probe.expectMsgClass(PATIENCE, JournalProtocol.WriteMessagesSuccessful$.class);
    for (AtomicWrite write : writes) {
      for (int i = 0; i < write.size(); i++) {
        probe.expectMsgClass(PATIENCE, JournalProtocol.WriteMessageSuccess.class);
      }
    }
  }

  /** Writes the texts {@code a-1} and so on, one event a write. */
  void writeTexts(String id, long from, long to) {
    for (long n = from; n <= to; n++) {
      write(atomic(event(id, n, "a-" + n)));
    }
  }

  /** What a replay gave. */
  record Replay(List<PersistentRepr> events, long highest) {
    List<Object> payloads() {
      return events.stream().map(PersistentRepr::payload).toList();
    }

    List<Long> sequenceNrs() {
      return events.stream().map(PersistentRepr::sequenceNr).toList();
    }
  }

  Replay replay(String id, long from, long to, long max) {
    TestKit probe = probe();
    tell(new JournalProtocol.ReplayMessages(from, to, max, id, probe.getRef()), probe);
    return replayed(probe);
  }

  static Replay replayed(TestKit probe) {
    List<PersistentRepr> events = new ArrayList<>();
    Object message = probe.receiveOne(PATIENCE);
    while (message instanceof JournalProtocol.ReplayedMessage replayed) {
      events.add(replayed.persistent());
      message = probe.receiveOne(PATIENCE);
    }
    if (message instanceof JournalProtocol.RecoverySuccess success) {
      return new Replay(events, success.highestSequenceNr());
    }
    throw new AssertionError("The replay ended with " + message);
  }

  Replay replay(String id) {
    return replay(id, 1, Long.MAX_VALUE, Long.MAX_VALUE);
  }

  Throwable replayFailure(String id) {
    TestKit probe = probe();
    tell(
        new JournalProtocol.ReplayMessages(1, Long.MAX_VALUE, Long.MAX_VALUE, id, probe.getRef()),
        probe);
    return probe.fishForMessage(
                PATIENCE,
                "failure",
                message -> message instanceof JournalProtocol.ReplayMessagesFailure)
            instanceof JournalProtocol.ReplayMessagesFailure failure
        ? failure.cause()
        : null;
  }

  void delete(String id, long to) {
    TestKit probe = probe();
    tell(new JournalProtocol.DeleteMessagesTo(id, to, probe.getRef()), probe);
    probe.expectMsgClass(DeleteMessagesSuccess.class);
  }

  static RequestSpec spec(String id) {
    return RequestSpec.of(id, "model", "fingerprint", new int[] {1, 2, 3})
        .submittedAtMillis(1_700_000_000_000L)
        .seed(42)
        .stop(List.of("\n"))
        .build();
  }

  @Override
  public void close() {
    system.terminate();
    try {
      system.getWhenTerminated().toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError("The actor system did not end", e);
    }
  }
}
