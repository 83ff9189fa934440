package dev.cairn.persistence.journal;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** What the rest of a node asks of its journal, beside writing and replaying. Thread-safe. */
public interface JournalAccess {
  /**
   * Requests that were accepted and have not finished, a page at a time.
   *
   * @param afterId last one of the page before, or empty for the first page
   * @param max most ids to return
   * @return ids in the order of their length and then of their bytes
   * @throws IOException where the index cannot be read
   */
  List<String> unfinished(String afterId, int max) throws IOException;

  JournalStats stats();

  /** Calls the listener after each commit from now on. */
  void onCommit(CommitListener listener);

  /**
   * Calls the listener once when the journal fails; at once where it has failed already. The
   * process is expected to exit: an fsync that failed once is never trusted again. Runs on a thread
   * of its own, so it may end the process itself.
   */
  void onFailure(Consumer<Throwable> listener);

  /**
   * Tells the listener why the journal does not answer, and with an empty reason that it does
   * again; at once where it does not answer now. A journal that fails for good says so to {@link
   * #onFailure} instead.
   */
  void onAvailability(Consumer<Optional<String>> listener);

  /**
   * Tells the listener, in words, what of the journal's work in the background a failure has ended;
   * at once where it has already. It stays ended until the process is started again.
   */
  void onDeadLoop(Consumer<String> listener);

  /** Why it does not answer now, in a sentence; empty while it does. */
  Optional<String> unavailable();

  /** Whether several nodes may use it at a time. */
  boolean isShared();

  /** Where it is, for people. */
  String place();
}
