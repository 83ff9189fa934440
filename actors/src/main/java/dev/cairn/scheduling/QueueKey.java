package dev.cairn.scheduling;

import dev.cairn.persistence.Band;

/**
 * Place of a sequence in the order of service, computed once when it enters and never again. A
 * sequence that goes back to the queue keeps it.
 *
 * @param band urgency; earlier ones come first
 * @param submittedAtMillis when the request was accepted, milliseconds since the epoch
 * @param sequence number of the entry, unique in a scheduler: equal times are first in, first out
 */
public record QueueKey(Band band, long submittedAtMillis, long sequence)
    implements Comparable<QueueKey> {
  /** The key of the same entry in another band. */
  QueueKey in(Band other) {
    return new QueueKey(other, submittedAtMillis, sequence);
  }

  @Override
  public int compareTo(QueueKey other) {
    int byBand = band.compareTo(other.band);
    if (byBand != 0) {
      return byBand;
    }
    int byTime = Long.compare(submittedAtMillis, other.submittedAtMillis);
    return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
  }
}
