package dev.cairn.persistence.journal;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Commands on their way to the writer, bounded in number and in bytes; one thread takes them. */
final class CommitQueue {
  private final int maxCommands;
  private final long maxBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Command> commands = new ArrayDeque<>();
  private long bytes;
  private boolean closed;

  CommitQueue(int maxCommands, long maxBytes) {
    this.maxCommands = maxCommands;
    this.maxBytes = maxBytes;
  }

  /**
   * Adds a command. One that is larger than the bound on bytes is taken by an empty queue.
   *
   * @throws JournalOverloadedException where the queue is full
   * @throws JournalClosedException where it is closed
   */
  void put(Command command) {
    long size = command.bytes();
    lock.lock();
    try {
      if (closed) {
        throw new JournalClosedException();
      }
      if (commands.size() >= maxCommands || (bytes + size > maxBytes && !commands.isEmpty())) {
        throw new JournalOverloadedException(commands.size(), bytes);
      }
      commands.add(command);
      bytes += size;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for commands and takes them in order, up to the bounds but at least one.
   *
   * @return empty once the queue is closed and has been emptied
   */
  List<Command> take(int maxEvents, long maxBatchBytes) {
    List<Command> taken = new ArrayList<>();
    lock.lock();
    try {
      while (commands.isEmpty() && !closed) {
        changed.awaitUninterruptibly();
      }
      long takenEvents = 0;
      long takenBytes = 0;
      for (Command next = commands.peek(); next != null; next = commands.peek()) {
        takenEvents += next.events();
        takenBytes += next.bytes();
        if (!taken.isEmpty() && (takenEvents > maxEvents || takenBytes > maxBatchBytes)) {
          break;
        }
        taken.add(commands.remove());
        bytes -= next.bytes();
      }
    } finally {
      lock.unlock();
    }
    return taken;
  }

  /** Waits until the queue is closed, or a time has passed; returns whether it is closed. */
  boolean awaitClosed(Duration time) {
    lock.lock();
    try {
      long nanos = time.toNanos();
      while (!closed && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      return closed;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more commands; those that are in it are still given out. */
  void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  int size() {
    lock.lock();
    try {
      return commands.size();
    } finally {
      lock.unlock();
    }
  }
}
