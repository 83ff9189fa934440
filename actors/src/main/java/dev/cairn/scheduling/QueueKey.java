package dev.cairn.scheduling;

import dev.cairn.persistence.Band;

/**
 * Place in the order of service, computed once when a sequence enters and never again. What goes
 * back to the queue keeps it.
 *
 * <p>Earlier bands come first. Inside a band deeper requests come first, so that what was started
 * ends before more is started; then older trees, then older requests.
 *
 * @param band urgency that it was let in with
 * @param depth how far below the root of its tree
 * @param rootSubmittedAtMillis when the tree's root was accepted, milliseconds since the epoch
 * @param submittedAtMillis when the request was accepted, milliseconds since the epoch
 * @param sequence number of the entry, unique in a scheduler: equal times are first in, first out
 */
public record QueueKey(
    Band band, int depth, long rootSubmittedAtMillis, long submittedAtMillis, long sequence)
    implements Comparable<QueueKey> {
  /** The same in another band. */
  QueueKey with(Band other) {
    return new QueueKey(other, depth, rootSubmittedAtMillis, submittedAtMillis, sequence);
  }

  @Override
  public int compareTo(QueueKey other) {
    if (band != other.band) {
      return band.compareTo(other.band);
    }
    if (depth != other.depth) {
      return Integer.compare(other.depth, depth);
    }
    if (rootSubmittedAtMillis != other.rootSubmittedAtMillis) {
      return Long.compare(rootSubmittedAtMillis, other.rootSubmittedAtMillis);
    }
    if (submittedAtMillis != other.submittedAtMillis) {
      return Long.compare(submittedAtMillis, other.submittedAtMillis);
    }
    return Long.compare(sequence, other.sequence);
  }
}
