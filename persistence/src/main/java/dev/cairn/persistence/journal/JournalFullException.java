package dev.cairn.persistence.journal;

/** The disk has less free space than the reserve; no new request is taken until it has again. */
public final class JournalFullException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  JournalFullException(long minFreeBytes) {
    super(
        "The journal's disk has less than "
            + minFreeBytes
            + " bytes free (cairn.journal.min-free-bytes): no new request is accepted.");
  }
}
