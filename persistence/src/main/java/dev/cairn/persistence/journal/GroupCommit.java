package dev.cairn.persistence.journal;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.concurrent.Promise;

/**
 * The one thread that writes. It drains the queue into one batch, makes that durable with one sync
 * and answers everything in it; what arrives meanwhile is the next batch. After the first write
 * that failed it writes nothing more: a sync that failed may have dropped pages that a later,
 * successful one would not write again.
 */
final class GroupCommit implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GroupCommit.class);

  private final BatchWrite batchWrite;
  private final JournalSettings settings;
  private final FreeSpace space;
  private final CommitMeter meter;
  private final CommitQueue queue;
  private final Map<String, Command> inFlight = new ConcurrentHashMap<>();
  private final FinishedBytes finished;
  private final BatchStage stage;
  private final Thread thread = new Thread(this::run, "cairn-journal-writer");

  GroupCommit(
      JournalDatabase database,
      BatchWrite batchWrite,
      JournalSettings settings,
      FreeSpace space,
      CommitMeter meter,
      FinishedBytes finished) {
    this.batchWrite = batchWrite;
    this.settings = settings;
    this.space = space;
    this.meter = meter;
    this.queue = new CommitQueue(settings.queueWrites(), settings.queueBytes());
    this.finished = finished;
    this.stage = new BatchStage(database, finished, settings.sequenceCache());
    // Only a close ends it in order, and a JVM that exits without one has not promised any more.
    thread.setDaemon(true);
    thread.setUncaughtExceptionHandler((writer, e) -> meter.fail(e));
  }

  void start() {
    thread.start();
  }

  int depth() {
    return queue.size();
  }

  /**
   * Queues a command; its promise is answered after the commit, or at once where the journal
   * failed.
   *
   * @throws JournalOverloadedException where the queue is full
   * @throws JournalClosedException where the journal is closed
   */
  void submit(Command command) {
    Optional<Throwable> cause = meter.cause();
    if (cause.isPresent()) {
      command.promise().failure(new JournalFailedException(cause.get()));
      return;
    }
    Map<String, Command> before = new HashMap<>();
    for (String id : command.persistenceIds()) {
      before.put(id, inFlight.put(id, command));
    }
    try {
      queue.put(command);
    } catch (JournalOverloadedException | JournalClosedException e) {
      before.forEach((id, previous) -> restore(id, command, previous));
      throw e;
    }
  }

  /** A command is answered before it is settled, so that this never leaves a settled one behind. */
  private void restore(String id, Command refused, Command previous) {
    if (previous == null) {
      inFlight.remove(id, refused);
    } else {
      inFlight.replace(id, refused, previous);
      if (previous.promise().isCompleted()) {
        inFlight.remove(id, previous);
      }
    }
  }

  /** The last command of an id that is not answered yet; those before it are answered earlier. */
  Optional<Command> inFlight(String persistenceId) {
    return Optional.ofNullable(inFlight.get(persistenceId));
  }

  /** Writes what is queued and ends the thread. */
  @Override
  public void close() {
    queue.close();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    List<Command> commands = take();
    while (!commands.isEmpty()) {
      Optional<Throwable> cause = meter.cause();
      if (cause.isPresent()) {
        failAll(commands, new JournalFailedException(cause.get()));
      } else if (awaitSpace()) {
        commit(commands);
      } else {
        failAll(commands, new JournalClosedException());
      }
      commands = take();
    }
  }

  private List<Command> take() {
    return queue.take(settings.batchEvents(), settings.batchBytes());
  }

  /** Waits while the disk is full; false where the journal is closed before there is room. */
  private boolean awaitSpace() {
    boolean waited = false;
    while (space.isFull()) {
      if (!waited) {
        waited = true;
        LOG.error(
            "The journal's disk has less than {} bytes free: writes wait for room.",
            space.minFreeBytes());
      }
      if (queue.awaitClosed(settings.freeSpaceInterval())) {
        return false;
      }
    }
    if (waited) {
      LOG.info("The journal's disk has room again; writes go on.");
    }
    return true;
  }

  private void commit(List<Command> commands) {
    List<Object> answers = new ArrayList<>(commands.size());
    int events = 0;
    long nanos = 0;
    try (WriteBatch batch = new WriteBatch()) {
      for (Command command : commands) {
        Object answer = stage.stage(command, batch);
        answers.add(answer);
        events += stored(command, answer);
      }
      if (batch.count() > 0) {
        long begun = meter.begin();
        batchWrite.write(batch);
        nanos = meter.end(begun, events, batch.getDataSize());
      }
      finished.committed();
    } catch (Throwable e) {
      LOG.error("The journal failed and stops; nothing of this batch is acknowledged.", e);
      meter.fail(e);
      failAll(commands, new JournalFailedException(e));
      return;
    }
    for (int i = 0; i < answers.size(); i++) {
      answer(commands.get(i).promise(), answers.get(i));
      settled(commands.get(i));
    }
    if (nanos > 0) {
      meter.announce(events, nanos);
      if (nanos > settings.slowCommit().toNanos()) {
        LOG.warn("A commit of {} events took {} ms.", events, nanos / 1_000_000);
      }
    }
  }

  /** Number of events that a command put into the batch. */
  private static int stored(Command command, Object answer) {
    int events = 0;
    if (command instanceof Command.Write write && answer instanceof List<?> results) {
      for (int i = 0; i < results.size(); i++) {
        boolean rejected = ((Optional<?>) results.get(i)).isPresent();
        events += rejected ? 0 : write.writes().get(i).records().size();
      }
    }
    return events;
  }

  private void settled(Command command) {
    for (String id : command.persistenceIds()) {
      inFlight.remove(id, command);
    }
  }

  private void failAll(List<Command> commands, RuntimeException e) {
    for (Command command : commands) {
      command.promise().failure(e);
      settled(command);
    }
  }

  /** {@link BatchStage} made the answer for this very command. */
  @SuppressWarnings("unchecked")
  private static void answer(Promise<?> promise, Object answer) {
    if (answer instanceof List<?> results) {
      ((Promise<List<?>>) promise).success(results);
    } else {
      promise.success(null);
    }
  }
}
