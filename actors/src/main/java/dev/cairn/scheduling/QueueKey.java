package dev.cairn.scheduling;

/**
 * Place of a sequence in the order of service, computed once when it enters and never again. A
 * sequence that goes back to the queue keeps it.
 *
 * @param submittedAtMillis when the request was accepted, milliseconds since the epoch
 * @param sequence number of the entry, unique in a scheduler: equal times are first in, first out
 */
public record QueueKey(long submittedAtMillis, long sequence) implements Comparable<QueueKey> {
  @Override
  public int compareTo(QueueKey other) {
    int byTime = Long.compare(submittedAtMillis, other.submittedAtMillis);
    return byTime != 0 ? byTime : Long.compare(sequence, other.sequence);
  }
}
