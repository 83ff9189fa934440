package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;
import static dev.cairn.persistence.journal.JournalNode.spec;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestEvent.Accepted;
import dev.cairn.persistence.RequestEvent.Assigned;
import dev.cairn.persistence.RequestEvent.Deleted;
import dev.cairn.persistence.RequestEvent.Finished;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RetentionTest {
  private static final int TOKENS = 400;
  @TempDir Path directory;

  private static PersistentRepr at(long millis, PersistentRepr event) {
    return event.withTimestamp(millis);
  }

  private static void run(JournalNode node, String id, long millis, boolean ends) {
    List<PersistentRepr> events = new ArrayList<>();
    events.add(at(millis, event(id, 1, new Accepted(spec(id)))));
    events.add(at(millis, event(id, 2, new Assigned(id, 1, 0, "cpu-0", "numerics-1"))));
    events.add(at(millis, event(id, 3, Images.tokens(id, 0, TOKENS))));
    if (ends) {
      events.add(at(millis, event(id, 4, new Finished(id, 1, TOKENS, FinishReason.STOP, ""))));
    }
    node.write(atomic(events.toArray(PersistentRepr[]::new)));
  }

  private Map<String, Object> limits(String time, String bytes) {
    return Map.of(
        "cairn.journal.retention.time",
        time,
        "cairn.journal.retention.bytes",
        bytes,
        "cairn.journal.retention.interval",
        "1 h",
        "cairn.journal.retention.batch-requests",
        7,
        "cairn.journal.retention.compact-bytes",
        "64 KiB",
        "cairn.journal.memtable-bytes",
        "64 KiB");
  }

  @Test
  @DisplayName("H8 finished requests are deleted after their time, in order, with their indices")
  void byTime() throws IOException {
    long now = System.currentTimeMillis();
    long day = Duration.ofDays(1).toMillis();
    try (JournalNode node = JournalNode.start(directory, limits("3 days", "0"))) {
      for (int n = 0; n < 20; n++) {
        run(node, "old" + n, now - 4 * day + n, true);
        run(node, "new" + n, now - 2 * day + n, true);
        run(node, "open" + n, now - 9 * day + n, false);
      }
      assertThat(node.journal().stats().storage().finishedRequests()).isEqualTo(40);
      long bytes = node.journal().stats().storage().finishedBytes();

      node.journal().sweep();

      JournalStorage storage = node.journal().stats().storage();
      assertThat(storage.finishedRequests()).isEqualTo(20);
      assertThat(storage.expiredRequests()).isEqualTo(20);
      assertThat(storage.finishedBytes()).isEqualTo(bytes / 2);
      assertThat(node.replay("old7").payloads()).isEmpty();
      assertThat(node.replay("old7").highest()).as("as for an id never seen").isZero();
      assertThat(node.replay("new7").payloads()).hasSize(4);
      assertThat(node.replay("open7").payloads()).hasSize(3);
      assertThat(node.journal().unfinished("", 100)).hasSize(20);

      run(node, "old7", now, true);
      assertThat(node.replay("old7").payloads()).as("an id may be used anew").hasSize(4);
      node.journal().sweep();
      assertThat(node.replay("old7").payloads()).hasSize(4);
    }
    try (JournalNode node = JournalNode.start(directory, limits("0", "0"))) {
      assertThat(node.journal().stats().storage().finishedRequests()).isEqualTo(21);
      node.journal().sweep();
      assertThat(node.journal().stats().storage().finishedRequests()).isEqualTo(21);
    }
    try (JournalReader reader = JournalReader.open(directory)) {
      assertThat(reader.verify(10).problems()).isEmpty();
      assertThat(reader.requests("", 100)).hasSize(41);
    }
  }

  @Test
  @DisplayName("H8 many finished requests leave a bounded disk; unfinished ones are never touched")
  void byBytes() throws IOException {
    long keep = 200 << 10;
    try (JournalNode node = JournalNode.start(directory, limits("0", keep + ""))) {
      long written = 0;
      long most = 0;
      for (int round = 0; round < 30; round++) {
        for (int n = 0; n < 40; n++) {
          run(node, "r" + (1000 + 40 * round + n), round + 1, n % 20 != 0);
        }
        node.journal().sweep();
        JournalStats stats = node.journal().stats();
        assertThat(stats.storage().finishedBytes()).isLessThanOrEqualTo(keep);
        written = stats.bytes();
        most = Math.max(most, onDisk());
      }
      assertThat(written).isGreaterThan(1 << 20);
      long unfinished = node.journal().unfinished("", 1000).size();
      assertThat(unfinished).isEqualTo(60);
      for (String id : node.journal().unfinished("", 1000)) {
        assertThat(node.replay(id).payloads()).hasSize(3);
      }
      assertThat(node.replay("r2199").payloads()).hasSize(4);
      assertThat(node.replay("r1001").payloads()).isEmpty();
      System.out.printf(
          "RetentionTest.byBytes: %d KiB written, at most %d KiB on disk, %d KiB kept%n",
          written >> 10, most >> 10, node.journal().stats().storage().finishedBytes() >> 10);
      assertThat(most).isLessThan(written / 2);
    }
  }

  @Test
  @DisplayName(
      "a deleted request's events are erased with its deletion, which is kept for its time")
  void deletion() throws IOException {
    long now = System.currentTimeMillis();
    long day = Duration.ofDays(1).toMillis();
    try (JournalNode node = JournalNode.start(directory, limits("3 days", "0"))) {
      run(node, "r", now - 4 * day, true);
      run(node, "kept", now - day, true);
      long bytes = node.journal().stats().storage().finishedBytes();
      node.write(atomic(at(now - 2 * day, event("r", 5, new Deleted("r", 1, TOKENS)))));
      assertThat(node.replay("r").payloads()).containsExactly(new Deleted("r", 1, TOKENS));
      assertThat(node.replay("r").highest()).isEqualTo(5);
      JournalStorage storage = node.journal().stats().storage();
      assertThat(storage.finishedRequests()).isEqualTo(2);
      assertThat(storage.finishedBytes()).isBetween(bytes / 2, bytes / 2 + 200);
      node.journal().sweep();
      assertThat(node.replay("r").payloads()).as("its time begins with its deletion").hasSize(1);
    }
    try (JournalReader reader = JournalReader.open(directory)) {
      assertThat(reader.verify(10).problems()).isEmpty();
      assertThat(reader.summary("r")).isEmpty();
      assertThat(reader.requests("", 10)).hasSize(1);
    }
    try (JournalNode node = JournalNode.start(directory, limits("36 hours", "0"))) {
      assertThat(node.replay("r").payloads()).as("after a restart").hasSize(1);
      node.journal().sweep();
      assertThat(node.replay("r").payloads()).isEmpty();
      assertThat(node.replay("r").highest()).isZero();
      assertThat(node.journal().stats().storage().finishedRequests()).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("a replay that runs while its request is deleted sees all of it or nothing")
  void whileRead() {
    try (JournalNode node = JournalNode.start(directory, limits("1 h", "0"))) {
      for (int n = 0; n < 60; n++) {
        run(node, "r" + n, n + 1, true);
      }
      TestKit probe = node.probe();
      Thread sweep = new Thread(() -> node.journal().sweep());
      sweep.start();
      for (int n = 59; n >= 0; n--) {
        node.tell(
            new JournalProtocol.ReplayMessages(
                1, Long.MAX_VALUE, Long.MAX_VALUE, "r" + n, probe.getRef()),
            probe);
        assertThat(JournalNode.replayed(probe).events().size()).isIn(0, 4);
      }
      join(sweep);
      assertThat(node.replay("r0").highest()).isZero();
    }
  }

  @Test
  @DisplayName("H15 the time that a request is kept follows the clock that the journal was given")
  void clock() throws IOException {
    AtomicLong clock = new AtomicLong(1_000_000);
    try (JournalNode node = JournalNode.start(directory, limits("0", "0"))) {
      run(node, "a", 1_000_000, true);
    }
    JournalSettings settings =
        JournalSettings.of(JournalNode.config(directory, limits("1 h", "0")));
    try (OpenJournal journal = OpenJournal.open(settings, clock::get)) {
      clock.addAndGet(-Duration.ofHours(1).toMillis());
      journal.sweep();
      assertThat(journal.stats().storage().finishedRequests()).isEqualTo(1);
      clock.addAndGet(Duration.ofHours(2).toMillis());
      journal.sweep();
      assertThat(journal.stats().storage().finishedRequests()).isEqualTo(1);
      clock.addAndGet(1);
      journal.sweep();
      assertThat(journal.stats().storage().finishedRequests()).isZero();
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private long onDisk() throws IOException {
    long bytes = 0;
    try (Stream<Path> files = Files.list(directory.resolve("journal"))) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".sst") || name.endsWith(".log")) {
          bytes += file.toFile().length();
        }
      }
    }
    return bytes;
  }
}
