package dev.cairn.persistence.journal;

import static dev.cairn.persistence.journal.JournalNode.atomic;
import static dev.cairn.persistence.journal.JournalNode.event;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.pekko.persistence.JournalProtocol;
import org.apache.pekko.testkit.javadsl.TestKit;

/**
 * A process of its own that writes and deletes, so much that memtables are flushed, logs rolled and
 * tables compacted, and ends without closing anything. On standard output: {@code try ID N} before
 * an event is written, {@code ack ID N} once it is acknowledged, {@code del ID N} before events up
 * to N are deleted, {@code gone ID N} once they are. Arguments: directory, number of ids, number of
 * acknowledgements.
 */
final class PowerLossChild {
  private static final int DELETE_EVERY = 20;
  private static final int KEEP = 5;

  private PowerLossChild() {}

  public static void main(String[] arguments) {
    JournalNode node =
        JournalNode.start(Path.of(arguments[0]), Map.of("cairn.journal.memtable-bytes", "64 KiB"));
    int ids = Integer.parseInt(arguments[1]);
    TestKit probe = node.probe();
    for (int n = 0; n < ids; n++) {
      String id = "p" + n;
      write(node, probe, id, node.replay(id).highest() + 1);
    }
    int left = Integer.parseInt(arguments[2]);
    while (left > 0) {
      Object answer = probe.receiveOne(Duration.ofSeconds(60));
      if (answer instanceof JournalProtocol.WriteMessageSuccess stored) {
        String id = stored.persistent().persistenceId();
        long sequenceNr = stored.persistent().sequenceNr();
        System.out.println("ack " + id + " " + sequenceNr);
        left--;
        if (sequenceNr % DELETE_EVERY == 0) {
          System.out.println("del " + id + " " + (sequenceNr - KEEP));
          node.delete(id, sequenceNr - KEEP);
          System.out.println("gone " + id + " " + (sequenceNr - KEEP));
        }
        write(node, probe, id, sequenceNr + 1);
      } else if (!(answer instanceof JournalProtocol.WriteMessagesSuccessful$)) {
        System.out.println("failed " + answer);
        Runtime.getRuntime().halt(1);
      }
    }
    Runtime.getRuntime().halt(0);
  }

  private static void write(JournalNode node, TestKit probe, String id, long sequenceNr) {
    System.out.println("try " + id + " " + sequenceNr);
    node.send(probe, atomic(event(id, sequenceNr, payload(id, sequenceNr))));
  }

  /** A text of 10 to 3,000 bytes, and of 20,000 now and then, that no other event has. */
  static String payload(String id, long sequenceNr) {
    String unit = id + "-" + sequenceNr + " ";
    int mixed = (int) (sequenceNr * 7919 + id.hashCode());
    int bytes = mixed % 23 == 0 ? 20_000 : 10 + Math.floorMod(mixed * 31, 2990);
    return unit.repeat(1 + bytes / unit.length());
  }
}
