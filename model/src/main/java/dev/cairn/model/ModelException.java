package dev.cairn.model;

/**
 * A model file that cannot be used. The message is one sentence for a person: it names the file,
 * the key or tensor, the value found and what was expected.
 */
public final class ModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ModelException(String message) {
    super(message);
  }

  public ModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
