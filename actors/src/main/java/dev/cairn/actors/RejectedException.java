package dev.cairn.actors;

/** A request that was not accepted; nothing of it is left. */
public final class RejectedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Kind {
    /** As many requests as configured are unfinished; try again later. */
    QUEUE_FULL,
    /** As many requests of its tenant wait as may; try again later. */
    TENANT_QUEUE_FULL,
    /** It can never run here: longer than the context or the KV store. */
    TOO_LONG,
    /** The node is stopping or its journal has failed. */
    UNAVAILABLE,
    /** The disk is full. */
    STORAGE_FULL,
    /** The id names a request with other content. */
    CONFLICT
  }

  private final Kind kind;

  public RejectedException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
