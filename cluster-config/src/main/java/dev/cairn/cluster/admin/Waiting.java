package dev.cairn.cluster.admin;

/**
 * Requests of one model that are with no device yet.
 *
 * @param model its name
 * @param modelFingerprint identifies its file
 * @param tokens that they may still need, prompts and outputs together
 */
public record Waiting(String model, String modelFingerprint, int requests, long tokens) {
  /** Both together, of the same model. */
  public Waiting plus(Waiting that) {
    return new Waiting(model, modelFingerprint, requests + that.requests, tokens + that.tokens);
  }
}
