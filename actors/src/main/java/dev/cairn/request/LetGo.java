package dev.cairn.request;

/** Why a request leaves its device before its end; a later constant overrules an earlier one. */
public enum LetGo {
  /** It goes on at once, on another device. */
  MOVE,
  /** It goes on when it is resumed. */
  PAUSE,
  /** Its time is over. */
  TIMEOUT,
  /** Somebody cancelled it. */
  CANCEL;

  /** The one that overrules the other. */
  public LetGo or(LetGo other) {
    return compareTo(other) >= 0 ? this : other;
  }
}
