package dev.cairn.request;

import dev.cairn.persistence.Band;
import dev.cairn.placement.Verdict;
import dev.cairn.scheduling.Admission;
import dev.cairn.scheduling.Handover;
import java.util.List;

/**
 * What a request does once what it decided is durable.
 *
 * @param <C> what stands for a client that waits for an answer
 * @param <D> what stands for a device's scheduler
 */
public interface Effects<C, D> {
  /** Answers to clients. */
  enum Answer {
    /** The request exists. */
    KNOWN,
    /** There is no such request. */
    UNKNOWN,
    /** The id names a request with other content. */
    CONFLICT,
    /** The request was deleted, now or before. */
    DELETED
  }

  /** Tells a client. */
  void reply(C client, Answer answer);

  /**
   * Tells a client why the request is where it is.
   *
   * @param last what its last device was chosen from; empty where that is no longer known
   * @param now what one would be chosen from now; empty when it has ended
   */
  void explain(C client, RequestState state, List<Verdict> last, List<Verdict> now);

  /** Tells who asks for a place in the tree where this request is in it. */
  void joined(C client, String tenant, int depth, long rootSubmittedAtMillis);

  /** Tells the parent that this request is part of it. */
  void joinParent(String parent);

  /** Tells the parent that this request has ended. */
  void leaveParent(String parent);

  /** Has a request end that is part of this one; it answers when it has. */
  void cancelChild(String child);

  /** Tells a client why the request waits, without asking a scheduler. */
  void pending(C client, String code, String text);

  /** Has a scheduler tell a client why the request waits. */
  void askPending(D scheduler, C client);

  /** The request ends if no token is committed for so long; 0: it may. */
  void progressWithin(long millis);

  /** The request exists: from now on it can be read. */
  void open(RequestState state);

  /** The request was deleted: from now on nobody finds it here. */
  void forget();

  /** The request was submitted and is durable. */
  void accepted(RequestState state);

  /** Shows readers the new state. */
  void publish(RequestState state);

  /** Counts tokens that were committed. */
  void measure(int firstIndex, int tokens);

  /** Has a scheduler run the request. */
  void admit(D scheduler, Admission admission);

  /**
   * Asks a scheduler whether it still runs an epoch of which {@code nextIndex} tokens are kept, and
   * tells it the band.
   */
  void adopt(D scheduler, int epoch, int nextIndex, Band band);

  /** Tells a scheduler that the request's urgency changed. */
  void prioritize(D scheduler, int epoch, Band band);

  /** Tells a scheduler that tokens are committed. */
  void acknowledge(D scheduler, int epoch, int nextIndex);

  /** Tells a scheduler that the request ended by itself. */
  void release(D scheduler, int epoch);

  /** Has a scheduler let go of the request and say when it has. */
  void leave(D scheduler, int epoch, LetGo why);

  /** Looks for a device at once. */
  void assignNow();

  /** Looks for a device after a pause. */
  void assignLater();

  /** The request's time is over after so long. */
  void deadlineIn(long millis);

  /** Tokens were dropped; perhaps they contradict what is committed. */
  void stale(RequestState state, Handover handover, boolean contradicts);

  /** The request has ended; its owner is needed by readers at most. */
  void ended();

  /** Nobody needs the owner of this request. */
  void unneeded();
}
