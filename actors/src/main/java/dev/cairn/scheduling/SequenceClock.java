package dev.cairn.scheduling;

import java.util.Optional;

/**
 * How long a sequence waited, and how long it took to its first token when it was let into steps,
 * since that was last handed over. Times are of the caller's monotonic clock.
 */
final class SequenceClock {
  private boolean waits = true;
  private boolean prefills;
  private long sinceNanos;
  private long waitedNanos;
  private long prefillNanos;
  private long firstTokenNanos;
  private boolean isNews;

  SequenceClock(long nowNanos) {
    this.sinceNanos = nowNanos;
  }

  /** It is let into steps. */
  void started(long nowNanos) {
    waitedNanos += Math.max(0, nowNanos - sinceNanos);
    waits = false;
    prefills = true;
    sinceNanos = nowNanos;
    isNews = true;
  }

  /** A token was drawn. */
  void drew(long nowNanos) {
    if (prefills) {
      prefills = false;
      prefillNanos += Math.max(0, nowNanos - sinceNanos);
      firstTokenNanos = nowNanos;
    }
  }

  /** It made room for others and waits again. */
  void stopped(long nowNanos) {
    if (!waits) {
      drew(nowNanos);
      waits = true;
      sinceNanos = nowNanos;
    }
  }

  /**
   * Tokens are handed over.
   *
   * @param ended whether they are the last, of which there may be none
   * @return what is new; empty where nothing is, or the first token is still to come
   */
  Optional<Handover.Timing> handedOver(boolean ended, long nowNanos) {
    if (ended) {
      drew(nowNanos);
    }
    if (!isNews || prefills) {
      return Optional.empty();
    }
    Handover.Timing timing =
        new Handover.Timing(waitedNanos, prefillNanos, Math.max(0, nowNanos - firstTokenNanos));
    waitedNanos = 0;
    prefillNanos = 0;
    isNews = false;
    return Optional.of(timing);
  }
}
