package dev.cairn.persistence;

import java.io.IOException;

/** A data directory that cannot be used: in use elsewhere, of a newer format, or unreadable. */
public final class DataDirectoryException extends IOException {
  private static final long serialVersionUID = 1L;

  public DataDirectoryException(String message) {
    super(message);
  }

  public DataDirectoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
