package dev.cairn.persistence.journal;

import java.io.IOException;

/** A record on disk that is not what was written. */
public final class CorruptRecordException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String persistenceId;
  private final long sequenceNr;

  CorruptRecordException(String persistenceId, long sequenceNr, String reason, Throwable cause) {
    super(
        "The record of persistence id "
            + persistenceId
            + ", sequence number "
            + sequenceNr
            + ", cannot be trusted: "
            + reason,
        cause);
    this.persistenceId = persistenceId;
    this.sequenceNr = sequenceNr;
  }

  public String persistenceId() {
    return persistenceId;
  }

  /** The record's number, or the first one that could not be read. */
  public long sequenceNr() {
    return sequenceNr;
  }
}
