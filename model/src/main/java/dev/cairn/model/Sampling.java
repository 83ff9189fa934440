package dev.cairn.model;

import java.util.Map;
import java.util.Objects;

/**
 * How the next token is drawn. Applied in this order to a copy of the logits: bias, penalties,
 * grammar, temperature, top-k, top-p, min-p, draw. Ties are broken by the lower token id.
 *
 * @param temperature 0 takes the most likely token; otherwise logits are divided by it
 * @param topK keeps this many most likely tokens; 0 keeps all
 * @param topP keeps the smallest set of most likely tokens whose probability reaches this; 1 keeps
 *     all
 * @param minP drops tokens less likely than this share of the most likely one; 0 keeps all
 * @param repetitionPenalty divides positive and multiplies negative logits of every token of the
 *     sequence, prompt included; 1 is off
 * @param presencePenalty subtracted once for every distinct generated token
 * @param frequencyPenalty subtracted for every occurrence of a generated token
 * @param logitBias added to the logits of these tokens
 * @param grammar the language of the output, in GBNF; empty: any
 */
public record Sampling(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetitionPenalty,
    float presencePenalty,
    float frequencyPenalty,
    Map<Integer, Float> logitBias,
    String grammar) {
  public static final Sampling GREEDY = new Sampling(0f, 0, 1f, 0f, 1f, 0f, 0f);

  public Sampling {
    logitBias = Map.copyOf(logitBias);
    Objects.requireNonNull(grammar, "sampling without a grammar, expected empty for none");
  }

  /** Without bias and grammar. */
  public Sampling(
      float temperature,
      int topK,
      float topP,
      float minP,
      float repetitionPenalty,
      float presencePenalty,
      float frequencyPenalty) {
    this(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        presencePenalty,
        frequencyPenalty,
        Map.of(),
        "");
  }

  /** The same with bias and grammar. */
  public Sampling with(Map<Integer, Float> bias, String language) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        repetitionPenalty,
        presencePenalty,
        frequencyPenalty,
        bias,
        language);
  }

  /** Whether the output has to be of a language. */
  public boolean isConstrained() {
    return !grammar.isEmpty();
  }
}
