package dev.cairn.embedded;

/** A generation that could not be completed, because its devices failed again and again. */
public final class GenerationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Result soFar;

  GenerationException(String why, Result soFar) {
    super("generation " + soFar.id() + " could not be completed: " + why);
    this.soFar = soFar;
  }

  /** What was written until then; null where the exception was serialized. */
  public Result soFar() {
    return soFar;
  }
}
