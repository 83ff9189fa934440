package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.testkit.javadsl.TestKit;

/**
 * A process of its own that writes to a journal without end, several ids at once, and prints each
 * event once it is acknowledged. Arguments: directory, number of ids.
 */
final class CrashChild {
  /** Status that the process ends with after an answer that is no acknowledgement. */
  static final int FAILED = 9;

  private CrashChild() {}

  public static void main(String[] arguments) {
    JournalNode node =
        JournalNode.start(Path.of(arguments[0]), Map.of("cairn.journal.memtable-bytes", "64 KiB"));
    int ids = Integer.parseInt(arguments[1]);
    TestKit probe = node.probe();
    for (int n = 0; n < ids; n++) {
      String id = "p" + n;
      write(node, probe, id, node.replay(id).highest() + 1);
    }
    System.out.println("ready");
    while (true) {
      Object answer = probe.receiveOne(Duration.ofSeconds(60));
      if (answer instanceof JournalProtocol.WriteMessageSuccess stored) {
        String id = stored.persistent().persistenceId();
        long sequenceNr = stored.persistent().sequenceNr();
        System.out.println(id + " " + sequenceNr);
        write(node, probe, id, sequenceNr + 1);
      } else if (!(answer instanceof JournalProtocol.WriteMessagesSuccessful$)) {
        System.out.println("failed " + answer);
        Runtime.getRuntime().halt(FAILED);
      }
    }
  }

  private static void write(JournalNode node, TestKit probe, String id, long sequenceNr) {
    node.send(probe, atomic(event(id, sequenceNr, payload(id, sequenceNr))));
  }

  static String payload(String id, long sequenceNr) {
    return (id + "-" + sequenceNr + " ").repeat(1 + (int) (sequenceNr % 7));
  }
}
