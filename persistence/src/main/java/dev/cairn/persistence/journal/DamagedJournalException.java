package dev.cairn.persistence.journal;

import java.io.IOException;

/** A journal that is not what was written to it, in a place where no crash explains that. */
public final class DamagedJournalException extends IOException {
  private static final long serialVersionUID = 1L;

  DamagedJournalException(String message) {
    super(message);
  }

  DamagedJournalException(String message, Throwable cause) {
    super(message, cause);
  }
}
