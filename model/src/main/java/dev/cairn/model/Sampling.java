package dev.cairn.model;

/**
 * How the next token is drawn. Applied in this order to a copy of the logits: penalties,
 * temperature, top-k, top-p, min-p, draw. Ties are broken by the lower token id.
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
 */
public record Sampling(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetitionPenalty,
    float presencePenalty,
    float frequencyPenalty) {
  public static final Sampling GREEDY = new Sampling(0f, 0, 1f, 0f, 1f, 0f, 0f);
}
