package dev.cairn.persistence.journal;

/** The journal was closed; what came with this was not stored. */
public final class JournalClosedException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  JournalClosedException() {
    super("The journal is closed.");
  }
}
