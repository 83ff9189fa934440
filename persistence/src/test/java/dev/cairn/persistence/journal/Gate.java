package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Holds a journal's writes from the first one on, until it is opened. */
final class Gate {
  final CountDownLatch open = new CountDownLatch(1);
  private final CountDownLatch entered = new CountDownLatch(1);

  Gate(JournalNode node) {
    BatchWrite real = node.journal().databaseWrite();
    node.journal()
        .replaceWrite(
            batch -> {
              entered.countDown();
              awaitQuietly(open);
              real.write(batch);
            });
  }

  /** Waits until the writer stands before the gate. */
  void awaitEntered() {
    awaitQuietly(entered);
  }

  static void awaitQuietly(CountDownLatch latch) {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
