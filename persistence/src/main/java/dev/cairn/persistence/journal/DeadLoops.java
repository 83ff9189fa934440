package dev.cairn.persistence.journal;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A journal's background threads that a failure has ended, and who is told. Thread-safe. */
public final class DeadLoops {
  private static final Logger LOG = LoggerFactory.getLogger(DeadLoops.class);

  private final List<String> dead = new ArrayList<>();
  private final List<Consumer<String>> listeners = new ArrayList<>();

  /**
   * Hears of it when a thread ends by a failure; a thread that returns has ended in order.
   *
   * @param what names its work, such as {@code the journal's retention}
   */
  public void watch(Thread thread, String what) {
    thread.setUncaughtExceptionHandler((ended, failure) -> ended(what, failure));
  }

  private synchronized void ended(String what, Throwable failure) {
    LOG.error("{} ended, and does nothing until the process is started again.", what, failure);
    dead.add(what);
    listeners.forEach(listener -> tell(listener, what));
  }

  /** Tells the listener of each, at once of those that have ended already. */
  public synchronized void listen(Consumer<String> listener) {
    listeners.add(listener);
    dead.forEach(what -> tell(listener, what));
  }

  private static void tell(Consumer<String> listener, String what) {
    try {
      listener.accept(what);
    } catch (RuntimeException e) {
      LOG.error("A listener for the journal's threads threw.", e);
    }
  }
}
