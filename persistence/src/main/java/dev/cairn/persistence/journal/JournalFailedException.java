package dev.cairn.persistence.journal;

/** The journal stopped at its first failed write; nothing is read or written any more. */
public final class JournalFailedException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  JournalFailedException(Throwable cause) {
    super("The journal failed and refuses all work until a restart: " + cause.getMessage(), cause);
  }
}
