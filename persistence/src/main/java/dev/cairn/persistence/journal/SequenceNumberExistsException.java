package dev.cairn.persistence.journal;

/** A write for a sequence number that the journal has, or had: nothing is ever overwritten. */
public final class SequenceNumberExistsException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /** In a journal of several writers: another incarnation was there first. */
  public SequenceNumberExistsException(String persistenceId, long sequenceNr) {
    super(
        "A write for "
            + persistenceId
            + " begins at sequence number "
            + sequenceNr
            + ", which another incarnation has committed; this one replays.");
  }

  SequenceNumberExistsException(String persistenceId, long sequenceNr, long highest) {
    super(
        "A write for "
            + persistenceId
            + " begins at sequence number "
            + sequenceNr
            + ", expected one above "
            + highest
            + ", which is stored.");
  }
}
