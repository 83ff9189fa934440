package dev.cairn.server.http;

import java.util.HashSet;
import java.util.Set;

/**
 * One client's connection, or the server's side of all of them, for those that wait on its behalf:
 * says when it is gone.
 */
public final class ClientConnection {
  /** Ends the interest in a connection. */
  interface Registration {
    void cancel();
  }

  private final Set<Waiter> waiters = new HashSet<>();
  private boolean closed;

  /** Calls {@code action} when the connection closes, at once where it is closed already. */
  Registration onClose(Runnable action) {
    Waiter waiter = new Waiter(action);
    synchronized (this) {
      if (!closed) {
        waiters.add(waiter);
        return () -> remove(waiter);
      }
    }
    action.run();
    return () -> {};
  }

  synchronized boolean isClosed() {
    return closed;
  }

  void close() {
    Set<Waiter> woken;
    synchronized (this) {
      closed = true;
      woken = new HashSet<>(waiters);
      waiters.clear();
    }
    woken.forEach(waiter -> waiter.action.run());
  }

  private synchronized void remove(Waiter waiter) {
    waiters.remove(waiter);
  }

  /** Identity of one registration, so that one Runnable may be registered twice. */
  private static final class Waiter {
    final Runnable action;

    Waiter(Runnable action) {
      this.action = action;
    }
  }
}
