package dev.cairn.placement;

import dev.cairn.persistence.RequestSpec;

/**
 * What is looked for.
 *
 * @param spec the request
 * @param committed tokens of its output that exist already
 * @param numericsVersion that computed them, to be kept where it can be; empty: any
 * @param except name of a device that is out of the question, or empty
 * @param exact whether a device of another numerics version is out of the question
 */
public record Need(
    RequestSpec spec, int committed, String numericsVersion, String except, boolean exact) {
  /** Of a request that has no tokens yet. */
  public static Need of(RequestSpec spec) {
    return new Need(spec, 0, "", "", false);
  }

  /** Tokens that are to be computed before the next one is drawn. */
  int known() {
    return spec.promptTokens().length + committed;
  }
}
