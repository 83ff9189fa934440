package dev.cairn.persistence;

/**
 * Whether a request is drafted from what it said before. It changes when tokens come, never which.
 */
public enum LookUp {
  /** As the device that runs it is configured. */
  AS_CONFIGURED,
  ON,
  OFF
}
