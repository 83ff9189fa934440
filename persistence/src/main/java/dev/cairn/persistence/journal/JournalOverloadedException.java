package dev.cairn.persistence.journal;

/** The journal's queue is full; the write was not stored and may be tried again. */
public final class JournalOverloadedException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /**
   * @param writes most writes that wait
   * @param key of the configuration that says so
   */
  public JournalOverloadedException(int writes, String key) {
    super("The journal's queue holds " + writes + " writes and takes no more (" + key + ").");
  }

  JournalOverloadedException(int depth, long bytes) {
    super(
        "The journal's queue holds "
            + depth
            + " writes of "
            + bytes
            + " bytes and takes no more (cairn.journal.queue-writes, queue-bytes).");
  }
}
