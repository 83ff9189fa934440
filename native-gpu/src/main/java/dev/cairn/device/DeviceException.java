package dev.cairn.device;

/** A failure of the device; never a failure of one request in a step (see {@link StepResult}). */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What failed. */
  public enum Kind {
    /** The library or the hardware cannot be used here. */
    UNAVAILABLE,
    /** The model cannot be loaded: unsupported, or its file changed. */
    MODEL,
    /** Not enough memory. */
    MEMORY,
    /** A caller broke the contract of {@link Device}. */
    MISUSE,
    /** The device failed while it ran, or was lost. */
    LOST,
    /** The device was closed. */
    CLOSED
  }

  private final Kind kind;

  public DeviceException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public DeviceException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
