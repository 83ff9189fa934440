package dev.cairn.persistence.journal;

/** Hears of every commit. Runs on the journal's writer thread, so it has to return at once. */
@FunctionalInterface
public interface CommitListener {
  /**
   * Events became durable.
   *
   * @param events number of events that became durable together
   * @param nanos time that writing and syncing them took
   */
  void onCommit(int events, long nanos);
}
