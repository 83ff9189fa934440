package dev.cairn.persistence;

/** Why a request ended. */
public enum FinishReason {
  /** An end-of-sequence token or a stop string. */
  STOP,
  /** As many tokens as were asked for, or the end of the context. */
  LENGTH,
  /** Somebody cancelled it. */
  CANCELLED,
  /** Its time was over; it keeps what it has. */
  TIMEOUT,
  /** It could not be completed; the event's detail says why. */
  ERROR
}
