package dev.cairn.persistence;

import java.io.NotSerializableException;

/** Bytes that this program cannot read as an event or a record; the message says why. */
public final class EventFormatException extends NotSerializableException {
  private static final long serialVersionUID = 1L;

  public EventFormatException(String message) {
    super(message);
  }

  public EventFormatException(String message, Throwable cause) {
    super(message);
    initCause(cause);
  }
}
