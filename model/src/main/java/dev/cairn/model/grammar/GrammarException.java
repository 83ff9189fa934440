package dev.cairn.model.grammar;

/** A grammar that cannot be used; the message says why. */
public final class GrammarException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GrammarException(String message) {
    super(message, null, false, false);
  }
}
