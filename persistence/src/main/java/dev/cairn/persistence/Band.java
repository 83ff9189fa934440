package dev.cairn.persistence;

/** Urgency of a request; whatever is of an earlier band is served first. */
public enum Band {
  /** Cairn's own work. */
  SYSTEM,
  /** What others depend on. */
  PRODUCTION,
  /** Somebody waits for it. */
  INTERACTIVE,
  /** Nobody waits for it. */
  BATCH
}
