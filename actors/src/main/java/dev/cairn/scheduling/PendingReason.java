package dev.cairn.scheduling;

import dev.cairn.persistence.Band;

/**
 * Why a request waits.
 *
 * @param code for programs
 * @param text for people
 * @param band urgency with which it is served now, which may be less than it asked for
 */
public record PendingReason(Code code, String text, Band band) {
  /** Kinds of reasons. */
  public enum Code {
    /** The device is held. */
    DEVICE_PAUSED,
    /** Its tenant is held. */
    TENANT_PAUSED,
    /** Others of its group have not come. */
    GROUP_INCOMPLETE,
    /** An earlier turn of its session is not over. */
    SESSION_BUSY,
    /** Its tenant runs as much as it may. */
    TENANT_LIMIT,
    /** It made room for others. */
    PREEMPTED,
    /** Its tokens have to be committed first. */
    COMMIT,
    /** Others are before it. */
    QUEUED,
    /** As many run as may. */
    DEVICE_FULL,
    /** The KV store has no room for it. */
    MEMORY
  }
}
