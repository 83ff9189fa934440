package dev.cairn.persistence.journal.postgres;

import java.sql.SQLException;
import java.util.Set;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * What PostgreSQL's error codes mean to the journal ("PostgreSQL Error Codes" in its manual). Each
 * question looks at an exception, its causes, and the further ones of a batch.
 */
final class SqlStates {
  private static final int MAX_DEPTH = 20;
  private static final Set<String> CONFLICTS = Set.of("23505", "40001", "40P01");

  private SqlStates() {}

  /** Another transaction has that key, or stood in the way: nothing of this one was committed. */
  static boolean isConflict(Throwable failure) {
    return any(failure, CONFLICTS, MAX_DEPTH);
  }

  /** A sequence number is there already. */
  static boolean isDuplicateKey(Throwable failure) {
    return any(failure, Set.of("23505"), MAX_DEPTH);
  }

  /** The server's disk is full. */
  static boolean isDiskFull(Throwable failure) {
    return any(failure, Set.of("53100"), MAX_DEPTH);
  }

  /** The server is not there, starts, stops or has no connection left: later it may answer. */
  static boolean isAway(SQLException failure) {
    String state = String.valueOf(failure.getSQLState());
    return state.startsWith("08") || state.startsWith("57P") || state.equals("53300");
  }

  /** Why it failed, without the statement and its values, which a batch's own message has. */
  static String sentence(Throwable failure) {
    Throwable cause = failure;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
      Throwable next =
          cause instanceof SQLException e && e.getNextException() != null
              ? e.getNextException()
              : cause.getCause();
      if (next == null) {
        break;
      }
      cause = next;
    }
    ServerErrorMessage server = cause instanceof PSQLException e ? e.getServerErrorMessage() : null;
    return server == null ? String.valueOf(cause.getMessage()) : server.getMessage();
  }

  private static boolean any(Throwable failure, Set<String> states, int depth) {
    if (failure == null || depth == 0) {
      return false;
    }
    if (failure instanceof SQLException e
        && (states.contains(String.valueOf(e.getSQLState()))
            || any(e.getNextException(), states, depth - 1))) {
      return true;
    }
    return any(failure.getCause(), states, depth - 1);
  }
}
