package dev.cairn.persistence.journal.postgres;

/** A database that cannot be a journal, and why, in a sentence. */
public final class PostgresException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PostgresException(String message) {
    super(message);
  }

  PostgresException(String message, Throwable cause) {
    super(message, cause);
  }
}
